"""Where a compiler of rules writes what is wrong: everything at once, with the path a person can follow."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from auditwatch.api.problems import Problem, join


@dataclass(frozen=True, slots=True)
class Report:
    """A place inside a document. Places below it share one list of problems and one set of unresolved names."""

    path: str
    rule: str = ""
    problems: list[Problem] = field(default_factory=list)
    unresolved: list[str] = field(default_factory=list)
    """Lists and macros that do not exist, as ``list gitops``."""

    def at(self, *steps: str | int) -> Report:
        """The place below this one."""
        return replace(self, path=join(self.path, steps))

    def error(self, message: str) -> None:
        """What is here cannot be used: the rule is left out."""
        self.problems.append(Problem(self.path, message, self.rule))

    def warning(self, message: str) -> None:
        """What is here is used all the same, but hardly as it is meant."""
        self.problems.append(Problem(self.path, message, self.rule, fatal=False))

    def missing(self, kind: str, name: str, hint: str) -> None:
        """A name that stands for nothing. What names it is unknown, so it neither matches nor mutes."""
        self.unresolved.append(f"{kind} {name}")
        self.warning(f"{kind} {name!r} does not exist{hint}; what names it is never true")

    @property
    def is_fatal(self) -> bool:
        """Whether the rule has to be left out."""
        return any(problem.fatal for problem in self.problems)
