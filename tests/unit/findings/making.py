"""Signals as detection makes them, with everything a test does not care about filled in."""

from __future__ import annotations

from typing import Any

from auditwatch.detection.changes import Change
from auditwatch.detection.signal import Severity, Signal
from auditwatch.events.activity import Activity, Actor, Attribution, Gap, Target
from auditwatch.findings.ledger import Ledger
from auditwatch.findings.state import FindingState, decode

START = 1_800_000_000.0
WATCH = "k10-auditwatch/k10"
JOURNAL = "journal-a"


def target(name: str = "daily", **parts: Any) -> Target:
    return Target(
        **{"group": "config.kio.kasten.io", "version": "v1alpha1", "resource": "policies", "namespace": "kasten-io"}
        | {"name": name, "uid": f"uid-of-{name}"}
        | parts
    )


def activity(sequence: int, *, time: float, **parts: Any) -> Activity:
    filled: dict[str, Any] = (
        {"key": f"{sequence:016x}" * 4, "time": time, "cluster": "prod", "source": "state", "evidence": "State"}
        | {"attribution": "FieldManager", "verb": "update", "target": target(), "actor": Actor(manager="kubectl-edit")}
        | parts
    )
    return Activity(**filled)


def signal(
    sequence: int,
    *,
    name: str = "daily",
    rule: str = "retention-cut",
    severity: Severity = "High",
    after: float = 0.0,
    attribution: Attribution = "FieldManager",
    actor: Actor | None = None,
    watch: str = WATCH,
    changes: tuple[Change, ...] = (),
    count: int = 1,
    **parts: Any,
) -> Signal:
    """The signal of log row ``sequence``, ``after`` seconds after :data:`START`."""
    happened = activity(
        sequence,
        time=START + after,
        target=target(name),
        attribution=attribution,
        actor=actor or Actor(manager="kubectl-edit"),
    )
    filled: dict[str, Any] = (
        {"pack": "k10-baseline@1", "confidence": "High", "certainty": "Observed"}
        | {"title": f"retention of {name} was cut", "description": "Fewer restore points will be kept."}
        | {"group": (("target.resource", "policies"), ("target.name", name)), "activity": happened}
        | {"attack": ("T1490",), "remediation": "Restore the retention."}
        | parts
    )
    return Signal(
        **filled,
        watch=watch,
        rule=rule,
        sequence=sequence,
        time=START + after,
        severity=severity,
        count=count,
        changes=changes,
    )


def gap_signal(sequence: int) -> Signal:
    gap = Gap(
        cluster="prod",
        source="state",
        subject="config.kio.kasten.io/policies",
        reason="HistoryLost",
        message="history lost",
        start=START - 60,
        end=START,
    )
    return signal(sequence, rule="source-gap", activity=None, gap=gap, group=(("source", "state"),))


def ledger(**parts: Any) -> Ledger:
    filled: dict[str, Any] = {"journal_id": JOURNAL, "cluster": "prod", "clock": lambda: START + 5}
    return Ledger(**filled | parts)


def states(book: Ledger) -> list[FindingState]:
    """Every incident, in order of opening, as a reader of the journal sees it."""
    rows = [decode(row) for row in book.take_dirty().values() if row is not None]
    return sorted(rows, key=lambda state: state.evidence_head[0].sequence)


def only(book: Ledger) -> FindingState:
    """The one incident there is."""
    (state,) = states(book)
    return state
