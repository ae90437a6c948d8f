"""The tests inside rules, run through the same compiler, joiner and detector as everything else.

Each test gets a detector of its own: what one test counts never leaks into the next.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field

from auditwatch.api.ruletests import RuleTest
from auditwatch.detection.compiled import CompiledRule, RuleSet
from auditwatch.detection.detector import Detector
from auditwatch.detection.showing import UnreadableEventError, shown_rows
from auditwatch.detection.signal import Signal


@dataclass(frozen=True, slots=True)
class TestResult:
    """What became of one test. ``failures``: one line per expectation that was not met, empty for a pass."""

    __test__ = False  # pytest collects classes by their name

    rule: str
    test: str
    failures: tuple[str, ...]

    @property
    def has_passed(self) -> bool:
        """Whether every expectation was met."""
        return not self.failures


def run_rule_tests(rule_set: RuleSet, *, only: Container[str] | None = None) -> Iterator[TestResult]:
    """Every test of every rule of the set (``only``: of the rules of these names), in the order they are written."""
    for rule in rule_set.rules.values():
        if only is not None and rule.name not in only:
            continue
        for test in rule.source.tests:
            yield TestResult(rule.name, test.name, tuple(_run(rule_set, rule, test)))


def _run(rule_set: RuleSet, rule: CompiledRule, test: RuleTest) -> Iterator[str]:
    try:
        seen = _observe(rule_set, rule, test)
    except UnreadableEventError as error:
        yield f"cannot be run: {error}"
        return
    yield from _failures(rule, test, seen)


@dataclass(slots=True)
class _Seen:
    """What the rule said. ``last``: what it said of the last row alone."""

    signals: list[Signal] = field(default_factory=list)
    last: list[Signal] = field(default_factory=list)
    is_unknown: bool = False


def _observe(rule_set: RuleSet, rule: CompiledRule, test: RuleTest) -> _Seen:
    detector, seen = Detector(rule_set.k10.completing()), _Seen()
    detector.install(rule_set, in_force_from={})
    for sequence, row in enumerate(shown_rows(rule_set, test), start=1):
        unknown_before = detector.unknown_outcomes[rule_set.watch, rule.name]
        seen.last = [signal for signal in detector.observe(sequence, row) if signal.rule == rule.name]
        seen.signals += seen.last
        seen.is_unknown = detector.unknown_outcomes[rule_set.watch, rule.name] > unknown_before
    return seen


def _failures(rule: CompiledRule, test: RuleTest, seen: _Seen) -> Iterator[str]:
    emitted, last = _emitted(rule, seen.signals), _emitted(rule, seen.last)
    got = "Match" if last else "Unknown" if seen.is_unknown else "NoMatch"
    is_met = {"Match": bool(last), "NoMatch": not emitted, "Unknown": seen.is_unknown}[test.expect]
    if not is_met:
        earlier = f" ({len(emitted)} before the last change)" if got == "NoMatch" and emitted else ""
        muted = " (an exception holds)" if seen.last and not last else ""
        yield f"expected {test.expect}, got {got}{earlier}{muted}{_said(last)}"
        return
    yield from _details(test, emitted, last)


def _details(test: RuleTest, emitted: Sequence[Signal], last: Sequence[Signal]) -> Iterator[str]:
    signal = last[-1] if last else None
    if test.severity is not None and (signal is None or signal.severity != test.severity):
        yield f"expected severity {test.severity}, got {signal.severity if signal else 'no match'}"
    if test.title is not None and (signal is None or signal.title != test.title):
        yield f"expected title {test.title!r}"
        yield f"     got title {signal.title!r}" if signal else "     got no match"
    count = sum(each.count for each in emitted)
    if test.count is not None and count != test.count:
        yield f"expected count {test.count}, got {count}"


def _emitted(rule: CompiledRule, signals: Sequence[Signal]) -> list[Signal]:
    """Signals that were not muted; a building block never makes a finding and is not muted for that."""
    return [signal for signal in signals if signal.emits_finding or not rule.emits_finding]


def _said(signals: Sequence[Signal]) -> str:
    return f": {signals[-1].severity}, {signals[-1].title!r}" if signals else ""
