"""From "this rule holds" to a signal: severity, title, certainty and group, in one place for every kind of rule."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from auditwatch.detection.compiled import CompiledRule, group_of
from auditwatch.detection.counting import Crossing
from auditwatch.detection.scope import Scope
from auditwatch.detection.signal import SEVERITIES, Certainty, Severity, Signal
from auditwatch.detection.texts import MAX_TITLE, cut, shown
from auditwatch.detection.values import MISSING
from auditwatch.events.activity import Gap, Outcome

GAP_RULE: Final = "visibility-gap"
"""Name of the built-in rule that reports gaps; no rule of a watch or pack may have it."""

GAP_REMEDIATION: Final = (
    "Find out why nothing was seen, and look at K10's state and the cluster's audit log for that time."
)

_CERTAINTY: Final[Mapping[Outcome, Certainty]] = {
    "Succeeded": "Observed",
    "Denied": "Attempted",
    "Rejected": "Attempted",
    "Failed": "Attempted",
    "Unknown": "OutcomeUnknown",
}


def matched(watch: str, rule: CompiledRule, sequence: int, scope: Scope, *, unknown: bool, is_muted: bool) -> Signal:
    """The signal of a rule that holds for a row; ``unknown``: it rests on ``onUnknown``."""
    return _signal(watch, rule, sequence, scope, unknown=unknown, is_muted=is_muted, count=activities(scope))


def counted(
    watch: str, rule: CompiledRule, sequence: int, scope: Scope, crossing: Crossing, *, is_muted: bool
) -> Signal:
    """The signal of a story: what it newly counts, and the rows it rests on (newest last)."""
    count, rows = crossing.count, crossing.sequences
    return _signal(watch, rule, sequence, scope, unknown=False, is_muted=is_muted, count=count, contributors=rows)


def _signal(
    watch: str,
    rule: CompiledRule,
    sequence: int,
    scope: Scope,
    *,
    unknown: bool,
    is_muted: bool,
    count: int,
    contributors: tuple[int, ...] = (),
) -> Signal:
    activity = scope.activity
    changes = scope.changes
    on_unknown = rule.on_unknown if unknown else None
    return Signal(
        watch=watch,
        rule=rule.name,
        pack=rule.pack,
        sequence=sequence,
        time=activity.time,
        severity=_severity(rule, scope) if on_unknown is None else on_unknown.severity,
        confidence=rule.confidence,
        certainty=_CERTAINTY[activity.outcome],
        title=(rule.title if on_unknown is None else on_unknown.title)(scope),
        description=rule.description(scope),
        group=group_of(rule.group_by, scope),
        count=count,
        emits_finding=rule.emits_finding and not is_muted,
        attack=rule.source.attack,
        tags=rule.source.tags,
        runbook=rule.source.runbook,
        remediation=rule.source.remediation,
        changes=changes if isinstance(changes, tuple) else (),
        activity=activity,
        contributors=contributors,
        absorbs=rule.story.absorbs if rule.story is not None else (),
    )


def activities(scope: Scope) -> int:
    """How many objects the request touched: what a deletecollection deleted, at least 1."""
    return max(scope.activity.target.count or 1, 1)


def gap_signal(watch: str, sequence: int, gap: Gap) -> Signal:
    """What every watch that sees the whole cluster says of a gap. One finding per source."""
    subject = shown(gap.subject)
    return Signal(
        watch=watch,
        rule=GAP_RULE,
        pack="",
        sequence=sequence,
        time=gap.end,
        severity="Low",
        confidence="High",
        certainty="Observed",
        title=gap_title(subject, gap.start, gap.end),
        description=f"{shown(gap.reason)}: {shown(gap.message, 1024)}",
        group=(("source", gap.source),),
        tags=("visibility",),
        runbook=GAP_RULE,
        remediation=GAP_REMEDIATION,
        gap=gap,
    )


def gap_title(subjects: str, start: float, end: float) -> str:
    """What was not seen, and when; ``subjects`` are escaped, times seconds since the epoch."""
    return cut(f"Nothing was seen of {subjects} from {_clock(start)} to {_clock(end)}", MAX_TITLE)


def _severity(rule: CompiledRule, scope: Scope) -> Severity:
    """The rule's, or that of the first circumstance that holds where it is higher. Unknown raises nothing."""
    for case in rule.severity_cases:
        if case.where.holds(scope, MISSING) is True:
            return max(rule.severity, case.severity, key=SEVERITIES.index)
    return rule.severity


def _clock(moment: float) -> str:
    try:
        return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return "an unknown time"
