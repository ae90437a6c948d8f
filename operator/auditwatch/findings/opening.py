"""The first state of an incident, and of the roll-up that stands for incidents a cap left no room for."""

from __future__ import annotations

from typing import Final

import msgspec

from auditwatch.detection import texts
from auditwatch.detection.signal import Signal
from auditwatch.events.activity import Activity
from auditwatch.findings import identity
from auditwatch.findings.absorb import absorb
from auditwatch.findings.policy import FindingPolicy
from auditwatch.findings.state import FindingState, TargetSeen
from auditwatch.findings.targets import target_seen

FOLDED: Final[identity.Group] = (("folded", "maxPerRule"),)
"""The group of a roll-up. No rule can have it: ``folded`` is not a field."""


def opened(
    signal: Signal,
    *,
    group: identity.Group,
    policy: FindingPolicy,
    cluster: str,
    journal_id: str,
    epoch: int,
    now: float,
) -> FindingState:
    """A new incident that holds this one signal. ``group`` is the signal's own, or :data:`FOLDED`."""
    name = identity.incident_name(cluster=cluster, watch=signal.watch, rule=signal.rule, group=group, start=signal.time)
    namespace = policy.namespace_of(signal.watch)
    folded = group == FOLDED
    state = FindingState(
        key=f"{namespace}/{name}",
        name=name,
        namespace=namespace,
        fingerprint=identity.fingerprint(cluster=cluster, watch=signal.watch, rule=signal.rule, group=group),
        journal_id=journal_id,
        cluster=cluster,
        watch=signal.watch,
        rule=signal.rule,
        pack=signal.pack,
        group=group,
        epoch=epoch,
        initial_severity=signal.severity,
        attack=signal.attack,
        runbook=policy.runbook_address(signal.runbook),
        target=_first_target(signal.activity) if signal.activity and not folded else None,
        folded_since=signal.time if folded else None,
        folded_cap=policy.max_per_rule if folded else 0,
        severity=signal.severity,
        confidence=signal.confidence,
        certainty=signal.certainty,
        tags=signal.tags,
        first_seen=signal.time,
        last_seen=signal.time,
        detected=now,
        reopen_after=policy.reopen_after_seconds,
        shown=policy.shows(signal.severity),
    )
    absorb(state, signal)
    state.novel = signal.sequence
    return state


def _first_target(activity: Activity) -> TargetSeen:
    """The target with its kind, which only a body tells."""
    bodies = (body for body in (activity.object, activity.old_object) if isinstance(body, dict))
    kind = next((kind for kind in (body.get("kind") for body in bodies) if isinstance(kind, str)), "")
    return msgspec.structs.replace(target_seen(activity.target, activity.time), kind=texts.escaped(kind[:63]))
