"""What people said about a finding, and whether it still covers what has happened since.

Triage covers what it saw. A higher severity, another actor or another target after it opens the finding again; only a
written exception silences the future. ``triagedThrough`` is therefore a watermark and not a clock's time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from auditwatch.findings.reading import Reader
from auditwatch.findings.state import FindingState
from auditwatch.findings.times import rfc3339

FindingPhase = Literal["New", "Reopened", "Closed"]
"""``status.state``."""

ConditionKind = Literal["Acknowledged", "Resolved"]
_CONDITIONS: Final[tuple[ConditionKind, ...]] = ("Acknowledged", "Resolved")

CLOSING: Final = frozenset({"Suppressed", "FalsePositive", "Resolved"})
_PHASES: Final[tuple[FindingPhase, ...]] = ("New", "Reopened", "Closed")


@dataclass(frozen=True, slots=True)
class Watermark:
    """Up to where: a log sequence, which means something only in the journal it is from."""

    journal_id: str
    sequence: int


@dataclass(frozen=True, slots=True)
class Condition:
    """One of the finding's conditions; ``since`` (seconds since the epoch) moves only when ``status`` flips."""

    kind: ConditionKind
    status: bool
    reason: str
    message: str
    since: float


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """The part of ``status`` that follows ``triage``."""

    phase: FindingPhase = "New"
    observed_generation: int = 0
    through: Watermark | None = None
    """What triage saw; ``None`` where nobody has triaged."""
    conditions: tuple[Condition, ...] = ()


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


def read_lifecycle(finding: Mapping[str, Any]) -> Lifecycle:
    """What we wrote into the object's status before, perhaps in an earlier life."""
    status = Reader(finding).child("status")
    through = status.child("triagedThrough")
    mark = Watermark(through.text("journalID"), through.number("sequence")) if through.raw else None
    return Lifecycle(
        phase=status.word("state", _PHASES, "New"),
        observed_generation=status.number("observedGeneration"),
        through=mark,
        conditions=tuple(filter(None, map(_read_condition, status.children("conditions")))),
    )


def read_watermark(finding: Mapping[str, Any]) -> Watermark:
    """Up to where the object's status counts."""
    mark = Reader(finding).child("status").child("watermark")
    return Watermark(mark.text("journalID"), mark.number("sequence"))


def review(before: Lifecycle, *, triage: Triage, state: FindingState, seen: Watermark, now: float) -> Lifecycle:
    """The lifecycle after looking at the triage and at the incident.

    ``seen`` is what the object showed when people last wrote to it: the watermark of the last status that was there
    at the generation before theirs. ``now`` is our clock, in seconds; it dates conditions and ends suppressions.
    """
    acted = triage.generation != before.observed_generation
    through = before.through
    if acted:
        through = None if triage.state == "New" else seen
    news = _news(triage, through, state, now) if triage.state != "New" else ""
    if not news and not acted and before.phase == "Reopened":
        news = _reason_before(before)
    phase: FindingPhase = "Reopened" if news else "Closed" if triage.state in CLOSING else "New"
    return Lifecycle(
        phase=phase,
        observed_generation=triage.generation,
        through=through,
        conditions=_conditions(before, triage, phase, news, now),
    )


def _news(triage: Triage, through: Watermark | None, state: FindingState, now: float) -> str:
    """Why triage does not cover the incident (any more): a condition's reason, or nothing."""
    covered = through.sequence if through is not None and through.journal_id == state.journal_id else 0
    if state.novel > covered:
        return "NewActivity"
    until = triage.suppressed_until
    if triage.state == "Suppressed" and until is not None and now >= until:
        return "SuppressionEnded"
    return ""


def _reason_before(before: Lifecycle) -> str:
    return next((condition.reason for condition in before.conditions), "NewActivity")


def _conditions(
    before: Lifecycle, triage: Triage, phase: FindingPhase, news: str, now: float
) -> tuple[Condition, Condition]:
    reason = news or ("NotTriaged" if triage.state == "New" else triage.state)
    message = _MESSAGES.get(reason, f"triage.state is {reason}")
    known = {condition.kind: condition for condition in before.conditions}

    def condition(kind: ConditionKind, *, holds: bool) -> Condition:
        earlier = known.get(kind)
        since = earlier.since if earlier is not None and earlier.status == holds else now
        return Condition(kind, holds, reason, message, since)

    return (
        condition("Acknowledged", holds=triage.state != "New" and not news),
        condition("Resolved", holds=phase == "Closed"),
    )


_MESSAGES: Final = {
    "NotTriaged": "nobody has triaged it; set triage.state",
    "NewActivity": "something new happened after triage: a higher severity, another actor or another target",
    "SuppressionEnded": "triage.suppressUntilTime has passed",
}


def condition_body(condition: Condition, generation: int) -> dict[str, Any]:
    """A condition as the API has it."""
    return {
        "type": condition.kind,
        "status": "True" if condition.status else "False",
        "observedGeneration": generation,
        "lastTransitionTime": rfc3339(condition.since),
        "reason": condition.reason,
        "message": condition.message,
    }


def _read_condition(item: Reader) -> Condition | None:
    kind, since = item.word("type", _CONDITIONS, "Resolved"), item.time("lastTransitionTime")
    if kind != item.text("type") or since is None:
        return None
    return Condition(kind, item.text("status") == "True", item.text("reason"), item.text("message"), since)
