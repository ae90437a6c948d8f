"""What an AuditWatch says of itself: one pure function from what is known to the whole status.

One writer writes it (``runtime/statuswriter.py``), so conditions are never fought over, and deleting a status by hand
only makes the next tick write it again. Conditions keep their transition times from the status last read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from auditwatch.api.conditions import ConditionType, Reason, Status, rfc3339, set_condition
from auditwatch.api.watchstatus import SourceState, Visibility
from auditwatch.detection.texts import counted
from auditwatch.runtime.registry import WatchEntry

RULES_SHOWN = 96
RECENT_RULES = 32
LEVELS: tuple[Visibility, ...] = ("Full", "Partial", "Blind")
BACKLOG_SECONDS = 30.0
"""A backlog younger than this is the ordinary pause between two writes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFigures:
    """One installed source, as it is now. Times are seconds since the epoch."""

    name: str
    type: str
    state: SourceState
    reason: Reason | None = None
    message: str = ""
    lag_seconds: int | None = None
    last_event: float | None = None
    last_proof_of_life: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFigures:
    """One rule of one watch: what it can see, and when it last matched."""

    name: str
    severity: str
    visibility: Visibility
    reason: str
    message: str
    last_match: float | None = None
    matches: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What the status of one watch is computed from, besides the watch itself."""

    sources: Sequence[SourceFigures]
    rules: Sequence[RuleFigures]
    finding_count: int
    durable: bool
    backlog: int
    """Findings not yet written as they are."""
    backlog_since: float | None
    """Since when there has been a backlog without a pause; ``None`` where there is none."""
    refused: int = 0
    """Findings of this watch that the API server will not take as they are."""
    refused_seconds: float = 0.0
    """For how long already."""
    refusal: str = ""
    """Why, and what to do."""


def watch_status(entry: WatchEntry, figures: Figures, *, now: float) -> dict[str, Any]:
    """The whole ``status`` of one AuditWatch. ``now``: seconds since the epoch."""
    levels = [rule.visibility for rule in figures.rules]
    matched = [rule.last_match for rule in figures.rules if rule.last_match is not None]
    status: dict[str, Any] = {
        "observedGeneration": entry.generation,
        "ruleCount": _rules(entry),
        "findingCount": figures.finding_count,
        "conditions": _conditions(entry, figures, now=now),
        "sources": [_source(source) for source in figures.sources],
        "visibility": {level.lower(): levels.count(level) for level in LEVELS},
        "rules": [_rule(rule) for rule in _shown(figures.rules)],
    }
    if matched:
        status["lastMatchTime"] = _time(max(matched))
    return status


Verdict = tuple[ConditionType, Status, Reason, str]


def _conditions(entry: WatchEntry, figures: Figures, *, now: float) -> list[dict[str, Any]]:
    accepted, available = _accepted(entry), _sources_available(figures)
    verdicts = [
        _ready(entry, accepted, available),
        accepted,
        available,
        _durable(figures),
        _backlogged(figures, now=now),
    ]
    conditions = list(entry.status.get("conditions") or [])
    for kind, status, reason, message in verdicts:
        conditions = set_condition(
            conditions,
            type=kind,
            status=status,
            reason=reason,
            message=message,
            generation=entry.generation,
            now=datetime.fromtimestamp(now, tz=UTC),
        )
    return conditions


def _accepted(entry: WatchEntry) -> Verdict:
    if entry.refused:
        return ConditionType.ACCEPTED, "False", Reason.INVALID_SPEC, entry.refused
    listed = "; ".join(map(str, entry.problems))
    in_force = f"{counted(_rules(entry), 'rule')} in force"
    if entry.not_in_force:
        text = f"the spec is not in force yet, and is tried again every minute: {entry.not_in_force} ({in_force})"
        return ConditionType.ACCEPTED, "False", Reason.NOT_IN_FORCE, text
    if any(problem.fatal for problem in entry.problems):
        return ConditionType.ACCEPTED, "False", Reason.INVALID_SPEC, f"{listed} ({in_force})"
    message = f"{in_force}; {listed}" if listed else in_force
    return ConditionType.ACCEPTED, "True", Reason.RULES_COMPILED, message


def _ready(entry: WatchEntry, *causes: Verdict) -> Verdict:
    if entry.paused:
        return ConditionType.READY, "False", Reason.PAUSED, "spec.paused is true: nothing is matched for this watch"
    open_steps = [cause for cause in causes if cause[2] == Reason.WAITING_FOR_FIRST_SENDER]
    for kind, status, reason, message in causes:
        if status != "True" and (kind, status, reason, message) not in open_steps:
            return ConditionType.READY, status, reason, f"{kind} is {status}: {message}"
    told = [f"{kind} is {status}, {reason}: {message}" for kind, status, reason, message in open_steps]
    rules = _rules(entry)
    watched = f"{counted(rules, 'rule')} {'is' if rules == 1 else 'are'} matched against what happens"
    text = "; ".join([watched, *told])
    return ConditionType.READY, "True", Reason.WATCHING, text


def _sources_available(figures: Figures) -> Verdict:
    kind = ConditionType.SOURCES_AVAILABLE
    if not figures.sources:
        return kind, "False", Reason.UNKNOWN_SOURCE, "none of the sources this watch names is installed"
    awaiting = [source for source in figures.sources if source.reason == Reason.WAITING_FOR_FIRST_SENDER]
    others = [source for source in figures.sources if source not in awaiting]
    known = [
        [source for source in others if source.state == state] for state in ("Unavailable", "Starting", "Degraded")
    ]
    for named in (*known, awaiting):
        if named:
            text = "; ".join(f"{source.name}: {source.message or source.state}" for source in named)
            return kind, *_told(named[0]), text
    alive = "every source this watch reads has given proof of life"
    dimmed = [f"{source.name}: {source.message}" for source in figures.sources if source.reason and source.message]
    return kind, "True", Reason.SOURCES_ALIVE, "; ".join([alive, *dimmed])


def _told(source: SourceFigures) -> tuple[Status, Reason]:
    if source.state == "Starting":
        return "Unknown", source.reason or Reason.STARTING
    return "False", source.reason or Reason.SOURCE_UNAVAILABLE


def _durable(figures: Figures) -> Verdict:
    if figures.durable:
        return ConditionType.DURABLE, "True", Reason.JOURNAL_PERSISTENT, "the journal outlives the pod"
    fix = "put it on a PersistentVolumeClaim and set journal.durable in the installer's configuration"
    message = f"the journal is lost with the pod, and with it what was not yet told and what changed meanwhile; {fix}"
    return ConditionType.DURABLE, "False", Reason.JOURNAL_EPHEMERAL, message


def _backlogged(figures: Figures, *, now: float) -> Verdict:
    if figures.refused and figures.refused_seconds > BACKLOG_SECONDS:
        told = f"{counted(figures.refused, 'finding')} of this watch refused, and kept to be tried again"
        return ConditionType.BACKLOGGED, "True", Reason.FINDINGS_REFUSED, f"{told}: {figures.refusal}"
    waited = 0.0 if figures.backlog_since is None else now - figures.backlog_since
    if waited <= BACKLOG_SECONDS:
        return ConditionType.BACKLOGGED, "False", Reason.KEEPING_UP, "findings are written as they are made"
    message = f"{counted(figures.backlog, 'finding')} to be written, and none is lost"
    return ConditionType.BACKLOGGED, "True", Reason.QUEUE_FULL, message


def _rules(entry: WatchEntry) -> int:
    return len(entry.rule_set.rules) if entry.rule_set else 0


def _shown(rules: Sequence[RuleFigures]) -> list[RuleFigures]:
    """Those that matched last, then those that do not see everything, as many as the API holds; by name."""
    recent = sorted((rule for rule in rules if rule.last_match is not None), key=lambda rule: -(rule.last_match or 0.0))
    dim = [rule for rule in rules if rule.visibility != "Full"]
    chosen = {rule.name: rule for rule in [*recent[:RECENT_RULES], *dim]}
    return sorted(list(chosen.values())[:RULES_SHOWN], key=lambda rule: rule.name)


def _source(source: SourceFigures) -> dict[str, Any]:
    return _present(
        name=source.name,
        type=source.type,
        state=source.state,
        reason=str(source.reason) if source.reason else None,
        message=source.message[:1024] or None,
        lagSeconds=source.lag_seconds,
        lastEventTime=_time(source.last_event),
        lastProofOfLifeTime=_time(source.last_proof_of_life),
    )


def _rule(rule: RuleFigures) -> dict[str, Any]:
    return _present(
        name=rule.name,
        severity=rule.severity or None,
        visibility=rule.visibility,
        reason=rule.reason or None,
        message=rule.message[:1024] or None,
        lastMatchTime=_time(rule.last_match),
        matches=rule.matches or None,
    )


def _present(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else rfc3339(datetime.fromtimestamp(seconds, tz=UTC))
