"""What of the logs could not be read, by reason; and which files were no audit logs at all.

A file without one audit event must not look like a quiet log. Beside logs that can be read in the same directory, what
is surely something else (a README, the output of a server) is only mentioned.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from auditwatch.events.decode import NOT_AN_EVENT
from auditwatch.scan.inputs import STDIN, Input
from auditwatch.scan.recognising import conversion, is_convertible
from auditwatch.scan.selecting import Part

NOT_A_LOG: Final = "NotAnAuditLog"
"""What a file is counted as in which no audit event was found, but something else."""


@dataclass(slots=True)
class Trouble:
    """One kind of thing that could not be read."""

    reason: str
    count: int
    where: str
    """``file:line`` of the first; the file alone where it is about the whole of it."""
    problem: str


@dataclass(frozen=True, slots=True)
class _Doubtful:
    """A file without an audit event: what it looks like, and what its lines were counted as."""

    of: Input
    looks: str
    lines: Trouble | None


class Troubles:
    """Takes note of trouble, and of what each file held. ``told``: everything, by a key of its own."""

    def __init__(self, told: dict[str, Trouble]) -> None:
        self.told = told
        self._lines: Trouble | None = None
        self._is_log, self._looks = False, ""
        self._doubtful: list[_Doubtful] = []
        self._with_logs: set[str] = set()
        """Names as people gave them: of files that are logs, and of directories that hold one."""

    def note(self, reason: str, problem: str, where: str) -> None:
        """One thing that could not be read."""
        if reason == NOT_AN_EVENT:
            self._lines = self._lines or Trouble(reason, 0, where, problem)
            self._lines.count += 1
        else:
            self._count(reason, Trouble(reason, 1, where, problem))

    def look(self, part: Part) -> None:
        """What a part of the file that is being read holds."""
        self._is_log = self._is_log or part.is_log or bool(part.found)
        self._looks = self._looks or part.looks

    def end_of(self, of: Input) -> None:
        """The file has been read to its end."""
        if self._is_log or not self._looks:
            self._count_lines(self._lines)
        else:
            self._doubtful.append(_Doubtful(of, self._looks, self._lines))
        if self._is_log:
            self._with_logs.add(of.given)
        self._lines, self._is_log, self._looks = None, False, ""

    def end(self) -> None:
        """Everything has been read."""
        for each in self._doubtful:
            if each.of.given in self._with_logs and not is_convertible(each.looks):
                self._count_lines(each.lines)
            else:
                self._count(f"{NOT_A_LOG}: {each.looks}", Trouble(NOT_A_LOG, 1, each.of.name, _said(each)))

    def _count_lines(self, lines: Trouble | None) -> None:
        if lines is not None:
            self._count(lines.reason, lines)

    def _count(self, key: str, trouble: Trouble) -> None:
        known = self.told.setdefault(key, trouble)
        if known is not trouble:
            known.count += trouble.count


def _said(doubtful: _Doubtful) -> str:
    of = doubtful.of
    command = conversion(doubtful.looks, "" if of.name == STDIN else of.name, is_gzip=of.form == "Gzip")
    return f"{doubtful.looks}: {command}" if command else doubtful.looks
