"""What people said about a finding, and whether it still covers what has happened since.

Triage covers what it saw. A higher severity, another actor or another target after it opens the finding again; only a
written exception silences the future. What it saw is a place in the log and not a clock's time, because what people
had before their eyes is the status we had written, whenever the things in it happened.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from auditwatch.api.conditions import ConditionType, Reason, Status, set_condition
from auditwatch.api.findingstatus import IncidentState
from auditwatch.findings.reading import Reader

CLOSING: Final = frozenset({"Suppressed", "FalsePositive", "Resolved"})
_STATES: Final[tuple[IncidentState, ...]] = ("New", "Reopened", "Closed")
_KINDS: Final = frozenset({ConditionType.ACKNOWLEDGED, ConditionType.RESOLVED})

UNTRIAGED: Final = "nobody has triaged it; set triage.state"
OVERTAKEN: Final = "something new came after triage: a higher severity, another actor or another target"
RESUMED: Final = "triage.suppressUntilTime has passed"


@dataclass(frozen=True, slots=True)
class Watermark:
    """Up to where: a log sequence, which means something only in the journal it is from."""

    journal_id: str
    sequence: int


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """The part of ``status`` that follows ``triage``."""

    state: IncidentState = "New"
    observed_generation: int = 0
    through: Watermark | None = None
    """What triage saw (``triagedThrough``); ``None`` where nobody has triaged, or where that was forgotten."""
    conditions: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Triage:
    """``triage`` of an object, with the generation at which it was read."""

    generation: int
    state: str = "New"
    suppressed_until: float | None = None


def read_triage(finding: Mapping[str, Any]) -> Triage:
    """What people wrote into the object."""
    read = Reader(finding)
    triage = read.child("triage")
    return Triage(
        generation=read.child("metadata").number("generation"),
        state=triage.text("state") or "New",
        suppressed_until=triage.time("suppressUntilTime"),
    )


def read_lifecycle(finding: Mapping[str, Any], *, through: Watermark | None) -> Lifecycle:
    """What we wrote into the object's status before, perhaps in an earlier life; ``through`` is kept in the journal."""
    status = Reader(finding).child("status")
    return Lifecycle(
        state=status.word("state", _STATES, "New"),
        observed_generation=status.number("observedGeneration"),
        through=through,
        conditions=tuple(item.raw for item in status.children("conditions") if item.raw.get("type") in _KINDS),
    )


def read_watermark(finding: Mapping[str, Any]) -> Watermark:
    """Up to where the object's status counts."""
    mark = Reader(finding).child("status").child("watermark")
    return Watermark(mark.text("journalID"), mark.number("sequence"))


def review(before: Lifecycle, *, triage: Triage, novel: Watermark, seen: Watermark, now: float) -> Lifecycle:
    """The lifecycle after looking at the triage and at the incident.

    ``novel`` is where the incident last told something new. ``seen`` is what the object showed when people last wrote
    to it: the watermark of the last status that was there at the generation before theirs. ``now`` is our clock, in
    seconds; it dates conditions and ends suppressions.
    """
    acted = triage.generation != before.observed_generation
    through = before.through
    if triage.state == "New":
        through = None
    elif acted:
        through = seen
    reopening = _reopening(before, triage, novel, through, acted=acted, now=now)
    return Lifecycle(
        state="Reopened" if reopening else "Closed" if triage.state in CLOSING else "New",
        observed_generation=triage.generation,
        through=through,
        conditions=_conditions(before, triage, reopening, now),
    )


def _reopening(
    before: Lifecycle, triage: Triage, novel: Watermark, through: Watermark | None, *, acted: bool, now: float
) -> str:
    """Why triage does not cover the incident (any more), or nothing. Once reopened it stays so until people act."""
    if triage.state == "New":
        return ""
    same_journal = through is not None and through.journal_id == novel.journal_id
    if novel.sequence > (through.sequence if through is not None and same_journal else 0):
        return OVERTAKEN
    until = triage.suppressed_until
    if triage.state == "Suppressed" and until is not None and now >= until:
        return RESUMED
    return OVERTAKEN if before.state == "Reopened" and not acted else ""


def _conditions(before: Lifecycle, triage: Triage, reopening: str, now: float) -> tuple[Mapping[str, Any], ...]:
    triaged = triage.state != "New" and not reopening
    reason = Reason.TRIAGED if triaged else Reason.AWAITING_TRIAGE
    message = f"triage.state is {triage.state}" if triaged else reopening or UNTRIAGED
    moment = datetime.fromtimestamp(now, tz=UTC)
    conditions: Sequence[Mapping[str, Any]] = before.conditions
    for kind, holds in (
        (ConditionType.ACKNOWLEDGED, triaged),
        (ConditionType.RESOLVED, triaged and triage.state in CLOSING),
    ):
        status: Status = "True" if holds else "False"
        conditions = set_condition(
            conditions,
            type=kind,
            status=status,
            reason=reason,
            message=message,
            generation=triage.generation,
            now=moment,
        )
    return tuple(conditions)
