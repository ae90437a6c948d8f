"""How long an activity waits for facts that come slower than it does, because some rule said it would."""

from __future__ import annotations

from collections.abc import Iterable

from auditwatch.detection.compiled import RuleSet
from auditwatch.detection.matching import kind_of
from auditwatch.events.activity import Activity


def hold_seconds(activity: Activity, rule_sets: Iterable[RuleSet]) -> float:
    """Seconds to wait for the pod its token names: the longest ``settleSeconds`` of the rules that look at its kind.

    0 where nothing is open. Whoever held it makes the activity again afterwards, with the pods known by then.
    """
    if activity.actor.is_k10 is not None or not isinstance(activity.actor.pod_uid, str):
        return 0.0
    kind = kind_of(activity)
    waits = (
        rule.source.settle_seconds
        for rule_set in rule_sets
        for rule in rule_set.rules.values()
        if rule.story is None and rule.selector.fits(kind)
    )
    return float(max(waits, default=0))
