"""From one change of watched state to its row of the log, by itself: what the joiner tells where nothing joins it.

Nothing is held and nothing is joined here, so it serves whoever has single records: rule tests, and the joiner for
each change it takes.
"""

from __future__ import annotations

import msgspec

from auditwatch.events.activity import (
    Activity,
    Actor,
    Attribution,
    Gap,
    JSONObject,
    LogRow,
    Record,
    StateChange,
    Target,
)
from auditwatch.events.keys import state_change_key

STATE = "state"
"""Name of the source that watches state."""
SERVER_TIME_GRAIN_SECONDS = 1.0
"""kube-apiserver writes metav1.Time, cut to whole seconds."""


def settle(record: Record) -> LogRow:
    """The row of the log for one record."""
    if isinstance(record, Gap):
        return record
    return _settled_change(record)


def _settled_change(change: StateChange) -> Activity:
    manager = _writer(change)
    return Activity(
        key=state_change_key(change),
        time=event_time(change),
        not_before=change.not_before,
        cluster=change.cluster,
        source=STATE,
        evidence="State",
        attribution=_attribution(manager),
        outcome="Succeeded",
        verb=change.verb,
        actor=Actor(manager=manager),
        target=Target(
            group=change.group,
            version=change.version,
            resource=change.resource,
            namespace=change.namespace,
            name=change.name,
            uid=change.uid,
        ),
        object=_after(change),
        old_object=_before(change),
    )


def event_time(change: StateChange) -> float:
    """When it happened, seconds since the epoch: the server's own time where it lies within the observations.

    A time outside them belongs to an earlier change (or was written by a client), and the first observation counts.
    The server cuts to whole seconds, so a time less than one second too early is still this change's.
    """
    changed, earliest = change.changed, change.not_before
    if changed is None or changed > change.observed:
        return change.observed
    if earliest is None or changed >= earliest:
        return changed
    return earliest if changed + SERVER_TIME_GRAIN_SECONDS > earliest else change.observed


def _writer(change: StateChange) -> str:
    """The field manager, where its entry is of this change.

    managedFields tell who wrote, never who deleted; and a write that only takes fields away leaves no entry, so the
    newest one is then an earlier writer's, who must not be blamed (the state source tells none where it knows that).
    """
    if change.verb == "delete" or not _is_of_this_change(change):
        return ""
    return change.manager


def _is_of_this_change(change: StateChange) -> bool:
    changed, earliest = change.changed, change.not_before
    if changed is None:
        return True
    return changed <= change.observed and (earliest is None or changed + SERVER_TIME_GRAIN_SECONDS > earliest)


def _attribution(manager: str) -> Attribution:
    return "FieldManager" if manager else "Unknown"


def _after(change: StateChange) -> JSONObject | msgspec.UnsetType | None:
    if change.verb == "delete":
        return None
    return msgspec.UNSET if change.new is None else change.new


def _before(change: StateChange) -> JSONObject | msgspec.UnsetType | None:
    if change.verb == "create":
        return None
    return msgspec.UNSET if change.old is None else change.old
