"""What of a state change decides which request made it, small enough to be remembered after the change is told."""

from __future__ import annotations

import math
from typing import Literal

import msgspec

from auditwatch.detection.joiner.asking import Place
from auditwatch.detection.settle import SERVER_TIME_GRAIN_SECONDS
from auditwatch.events.activity import Activity, JSONObject, StateChange


class Step(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step of an object's history, or several where it was listed and not watched."""

    place: Place
    uid: str
    verb: Literal["create", "update", "delete"]
    version: str = ""
    earliest: float | None = None
    """Seconds since the epoch between which it happened; ``None``: nobody looked before."""
    latest: float
    seen: float = 0.0
    """First observation with it, seconds since the epoch; under a watch moments after the request was answered."""
    manager: str = ""
    """Field manager of this very change."""
    is_single: bool = True
    """Whether exactly one write made it."""
    ends: bool = False
    """Whether the object is on its way out, or gone, by it."""
    was_ending: bool = False
    """Whether it was on its way out before: who began that is who did it."""


def step_of(change: StateChange, row: Activity) -> Step:
    """The step of a change; ``row`` is what it is settled into by itself."""
    start, end = _interval(change)
    ends = _is_ending(change.new)
    was_ending = _is_ending(change.old)
    return Step(
        place=(change.cluster, change.group, change.resource, change.namespace, change.name),
        uid=change.uid,
        verb=change.verb,
        version=change.new_version,
        earliest=start,
        latest=end,
        seen=change.observed,
        manager=row.actor.manager,
        is_single=change.manner == "Watch",
        ends=change.verb == "delete" or (ends and not was_ending),
        was_ending=was_ending,
    )


def _interval(change: StateChange) -> tuple[float | None, float]:
    """By the server's own time where that is of this change, else from the last look to the first that showed it.

    Of several writes since a listing it is one's time alone, and not of those that left none.
    """
    earliest, latest = change.not_before, change.observed
    changed = change.changed if change.manner == "Watch" or change.verb == "create" else None
    if changed is not None and changed <= latest and changed + SERVER_TIME_GRAIN_SECONDS > (earliest or -math.inf):
        return changed, changed + SERVER_TIME_GRAIN_SECONDS
    return earliest, latest


def _is_ending(body: JSONObject | None) -> bool:
    metadata = body.get("metadata") if body else None
    return isinstance(metadata, dict) and bool(metadata.get("deletionTimestamp"))
