"""``auditwatch test RULES.yaml…``: the tests inside rules, told the way a Python programmer expects."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from auditwatch.cli.told import Output, OutputOption, print_document
from auditwatch.detection.needles import without_needle
from auditwatch.detection.packs import LoadedPack, built_in_packs
from auditwatch.detection.rulefiles import RuleFile, read_rules
from auditwatch.detection.selftest import TestResult, run_rule_tests
from auditwatch.detection.texts import counted
from auditwatch.k10.view import InstalledK10

PASSED, FAILED, UNUSABLE = 0, 1, 2
"""Exit codes: every test passed; a test failed; a file or a rule cannot be used."""

UNCERTAIN = (
    "nothing in it is certain to stand in an audit event, so every event has to be decoded; "
    "name a group, resource, namespace or user"
)
"""What is said of a rule without a needle."""

Print = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class _Flaw:
    """What is wrong with a file. ``line``: from 1, where it is known."""

    file: Path
    message: str
    line: int | None = None
    is_error: bool = True

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{'error' if self.is_error else 'warning'}: {place}: {self.message}"


@dataclass(slots=True)
class _Run:
    """What was seen so far. ``verbose``: one line per test instead of one dot."""

    say: Print
    verbose: bool
    results: list[tuple[Path, TestResult]] = field(default_factory=list)
    problems: list[_Flaw] = field(default_factory=list)

    def file(self, path: Path, packs: Sequence[LoadedPack], now: float) -> None:
        """Read one file and run what it holds."""
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            self._tell(_Flaw(path, f"cannot be read: {_reason(error)}"))
            return
        for document in read_rules(text, k10=InstalledK10(), now=now, packs=packs):
            for each in document.problems:
                self._tell(_Flaw(path, str(each.problem), each.line, is_error=each.problem.fatal))
            self._tests(path, document)

    def _tell(self, flaw: _Flaw) -> None:
        self.problems.append(flaw)
        self.say(str(flaw))

    def _tests(self, path: Path, document: RuleFile) -> None:
        if document.rule_set is None:
            return
        for name in without_needle(document.rule_set):
            if name in document.own:
                self._tell(_Flaw(path, f"{name}: {UNCERTAIN}", is_error=False))
        results = list(run_rule_tests(document.rule_set, only=document.own))
        self.results += [(path, result) for result in results]
        if self.verbose:
            for result in results:
                self.say(f"{path}::{result.rule}::{result.test} {'PASSED' if result.has_passed else 'FAILED'}")
        elif results:
            self.say(f"{path} {''.join('.' if result.has_passed else 'F' for result in results)}")

    @property
    def failed(self) -> list[tuple[Path, TestResult]]:
        """What did not end as its test expects."""
        return [(path, result) for path, result in self.results if not result.has_passed]

    @property
    def errors(self) -> int:
        """How much cannot be used."""
        return sum(flaw.is_error for flaw in self.problems)

    @property
    def code(self) -> int:
        """The exit code, highest trouble first."""
        return UNUSABLE if self.errors else FAILED if self.failed else PASSED

    def report(self) -> None:
        """Say what failed and how much there was."""
        if self.failed:
            self.say("")
            self.say("FAILURES")
        for path, result in self.failed:
            self.say(f"{path}::{result.rule}::{result.test}")
            for line in result.failures:
                self.say(f"    {line}")
        self.say(self._summary())

    def document(self) -> dict[str, object]:
        """The same for machines."""
        return {
            "tests": [
                {
                    "file": str(path),
                    "rule": result.rule,
                    "test": result.test,
                    "result": "Passed" if result.has_passed else "Failed",
                    "reason": "; ".join(result.failures),
                }
                for path, result in self.results
            ],
            "problems": [
                {
                    "file": str(flaw.file),
                    "line": flaw.line,
                    "result": "Error" if flaw.is_error else "Warning",
                    "reason": flaw.message,
                }
                for flaw in self.problems
            ],
        }

    def _summary(self) -> str:
        failed = len(self.failed)
        counts = [(failed, "failed"), (len(self.results) - failed, "passed")]
        parts = [f"{count} {word}" for count, word in counts if count]
        parts += [counted(self.errors, "error")] if self.errors else []
        return f"=== {', '.join(parts) or 'no rule has tests'} ==="


def run_rule_files(paths: Sequence[Path], *, say: Print, verbose: bool, now: float) -> int:
    """Test the rules of every file, printing through ``say``; the exit code, highest trouble first.

    ``now``: seconds since the epoch, for exceptions that have expired.
    """
    run = _tested(_Run(say, verbose), paths, now)
    run.report()
    return run.code


def _tested(run: _Run, paths: Sequence[Path], now: float) -> _Run:
    packs, _ = built_in_packs()
    for path in paths:
        run.file(path, packs, now)
    return run


def _unsaid(_line: str) -> None:
    """What is printed at the end as a whole is not said on the way."""


def run_tests(
    files: Annotated[
        list[Path], typer.Argument(help="Packs, AuditWatches, lists of rules or ConfigMaps of packs, as YAML.")
    ],
    *,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="One line per test.")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Run the tests inside rules: exit code 0 if all pass, 1 if one fails, 2 if a file or rule cannot be used."""
    if output is Output.JSON:
        run = _tested(_Run(_unsaid, verbose=False), files, time.time())
        print_document(run.document())
        raise typer.Exit(run.code)
    raise typer.Exit(run_rule_files(files, say=typer.echo, verbose=verbose, now=time.time()))


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else "it is not UTF-8"
