"""``auditwatch test RULES.yaml…``: the tests inside rules, told the way a Python programmer expects."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

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


@dataclass(slots=True)
class _Run:
    """What was seen so far. ``verbose``: one line per test instead of one dot."""

    say: Print
    verbose: bool
    passed: int = 0
    failed: list[tuple[Path, TestResult]] = field(default_factory=list)
    errors: int = 0

    def file(self, path: Path, packs: Sequence[LoadedPack], now: float) -> None:
        """Read one file and run what it holds."""
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            self._error(f"{path}: cannot be read: {_reason(error)}")
            return
        for document in read_rules(text, k10=InstalledK10(), now=now, packs=packs):
            self._problems(path, document)
            self._tests(path, document)

    def _problems(self, path: Path, document: RuleFile) -> None:
        for each in document.problems:
            line = f"{path}:{each.line}: {each.problem}"
            if each.problem.fatal:
                self._error(line)
            else:
                self.say(f"warning: {line}")

    def _error(self, line: str) -> None:
        self.errors += 1
        self.say(f"error: {line}")

    def _tests(self, path: Path, document: RuleFile) -> None:
        if document.rule_set is None:
            return
        for name in without_needle(document.rule_set):
            if name in document.own:
                self.say(f"warning: {path}: {name}: {UNCERTAIN}")
        results = list(run_rule_tests(document.rule_set, only=document.own))
        self.passed += sum(result.has_passed for result in results)
        self.failed += [(path, result) for result in results if not result.has_passed]
        if self.verbose:
            for result in results:
                self.say(f"{path}::{result.rule}::{result.test} {'PASSED' if result.has_passed else 'FAILED'}")
        elif results:
            self.say(f"{path} {''.join('.' if result.has_passed else 'F' for result in results)}")

    def report(self) -> int:
        """Say what failed and how much there was; the exit code."""
        if self.failed:
            self.say("")
            self.say("FAILURES")
        for path, result in self.failed:
            self.say(f"{path}::{result.rule}::{result.test}")
            for line in result.failures:
                self.say(f"    {line}")
        self.say(self._summary())
        return UNUSABLE if self.errors else FAILED if self.failed else PASSED

    def _summary(self) -> str:
        counts = [(len(self.failed), "failed"), (self.passed, "passed")]
        parts = [f"{count} {word}" for count, word in counts if count]
        parts += [counted(self.errors, "error")] if self.errors else []
        return f"=== {', '.join(parts) or 'no rule has tests'} ==="


def run_rule_files(paths: Sequence[Path], *, say: Print, verbose: bool, now: float) -> int:
    """Test the rules of every file, printing through ``say``; the exit code, highest trouble first.

    ``now``: seconds since the epoch, for exceptions that have expired.
    """
    run = _Run(say, verbose)
    packs, _ = built_in_packs()
    for path in paths:
        run.file(path, packs, now)
    return run.report()


def run_tests(
    files: Annotated[
        list[Path], typer.Argument(help="Packs, AuditWatches, lists of rules or ConfigMaps of packs, as YAML.")
    ],
    *,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="One line per test.")] = False,
) -> None:
    """Run the tests inside rules: exit code 0 if all pass, 1 if one fails, 2 if a file or rule cannot be used."""
    raise typer.Exit(run_rule_files(files, say=typer.echo, verbose=verbose, now=time.time()))


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else "it is not UTF-8"
