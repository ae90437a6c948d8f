"""Findings counted for status and metrics: asked of the ledger, in the engine thread, a few times a minute."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from auditwatch.detection.detector import Detector
from auditwatch.findings.ledger import Ledger
from auditwatch.findings.state import FindingState
from auditwatch.runtime.engine import Engine


@dataclass(frozen=True, slots=True)
class RuleTally:
    """What came of one rule of one watch."""

    matches: int = 0
    last_match: float | None = None
    """Event time, seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Everything counted at one moment."""

    rules: Mapping[tuple[str, str], RuleTally] = field(default_factory=dict)
    """By (watch, rule)."""
    objects: Mapping[tuple[str, str, str], int] = field(default_factory=dict)
    """By (watch, rule, severity): findings that have an object."""
    unknown_outcomes: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """By (watch, rule): rows of which it could not be told whether the rule holds."""
    folded: int = 0
    """Signals counted into a roll-up because their rule met its cap, since the start."""
    given_up: int = 0
    """Refused findings that were dropped for being too many, since the start."""
    duplicates: int = 0
    """Signals passed over because they were counted before, since the start."""

    def findings_of(self, watch: str) -> int:
        """Objects of one watch."""
        return sum(count for (owner, _, _), count in self.objects.items() if owner == watch)


def ledger_of(engine: Engine) -> Ledger:
    """The engine's ledger, which in an operator is the real one."""
    assert isinstance(engine.ledger, Ledger)
    return engine.ledger


def tally_of(engine: Engine) -> Tally:
    """Everything counted, in the engine thread."""
    assert isinstance(engine.detector, Detector)
    ledger = ledger_of(engine)
    counted = tally(ledger.states(), engine.detector.unknown_outcomes)
    return replace(counted, folded=ledger.folded, given_up=ledger.given_up, duplicates=ledger.duplicates)


def tally(states: Iterable[FindingState], unknown_outcomes: Mapping[tuple[str, str], int]) -> Tally:
    """Count them."""
    rules: dict[tuple[str, str], RuleTally] = {}
    objects: dict[tuple[str, str, str], int] = {}
    for state in states:
        key = (state.watch, state.rule)
        known = rules.get(key, RuleTally())
        last = state.last_seen if known.last_match is None else max(known.last_match, state.last_seen)
        rules[key] = replace(known, matches=known.matches + state.count, last_match=last)
        if state.shown:
            shown = (*key, str(state.severity))
            objects[shown] = objects.get(shown, 0) + 1
    return Tally(rules, objects, dict(unknown_outcomes))
