"""Several tellings of one activity made into one: nothing is claimed that none of them knew, nothing known is lost."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import msgspec
from msgspec.structs import replace

from auditwatch.detection.creations import has_made, is_creation
from auditwatch.events.activity import ATTRIBUTIONS, Activity, Actor, Attribution, Client, JSONObject, Target

_Body = JSONObject | msgspec.UnsetType | None
_OPEN = frozenset({"Unknown", "Failed"})
"""What is said of requests that nobody told the end of; one that was answered is denied or rejected and not failed."""
_ENDING = frozenset({"delete", "deletecollection"})
"""Verbs whose success says, as a creation's does, what became of the object, whatever else happened to it."""


def with_change(request: Activity, change: Activity, surely: Attribution) -> Activity:
    """A request with the change it made. ``surely``: how sure it is that it made it."""
    target = request.target
    return replace(
        request,
        attribution=_attribution(request, surely),
        outcome="Succeeded" if request.outcome in _OPEN else request.outcome,
        target=replace(target, uid=target.uid or change.target.uid, name=target.name or change.target.name),
        object=_after(request, change),
        old_object=_before(request, change),
    )


def one_of_collection(request: Activity, change: Activity, surely: Attribution) -> Activity:
    """The part of a deletecollection that deleted this object, under the key of the change."""
    target = replace(change.target, version=request.target.version or change.target.version)
    return replace(with_change(request, change, surely), key=change.key, target=target)


def rest_of_collection(request: Activity, shown: Collection[str]) -> Activity | None:
    """What a deletecollection deleted besides the objects of these names, told apart; ``None`` where that was all."""
    count, names = request.target.count, request.target.names
    left = 0 if count is None else count - len(shown)
    others = None if names is None else tuple(name for name in names if name not in shown)
    return replace(request, target=replace(request.target, count=left, names=others)) if left > 0 else None


def with_relay(request: Activity, relay: Activity) -> Activity:
    """The API server's event with what the server behind it recorded: the identity of one, the bodies of the other."""
    return replace(
        request,
        outcome=relay.outcome if request.outcome in _OPEN and relay.outcome != "Unknown" else request.outcome,
        target=_fuller(request.target, relay.target),
        object=_known(request.object, relay.object),
        old_object=_known(request.old_object, relay.old_object),
        patch=relay.patch if isinstance(request.patch, msgspec.UnsetType) else request.patch,
    )


def blamed(row: Activity, actor: Actor, client: Client | msgspec.UnsetType) -> Activity:
    """A controller's clearing up, with whoever made it necessary."""
    return replace(row, actor=actor, client=client, attribution="Correlated")


def suspected(row: Activity, actors: Iterable[Actor]) -> Activity:
    """A row whose change may be the work of any of these.

    Where all of them are one and the same, with one credential, it is known who it was, though not by which request.
    """
    among = tuple(dict.fromkeys(actors))
    if row.attribution == "Ambiguous" and among == (row.actor,):
        return replace(row, attribution="Correlated", suspects=())
    return replace(row, suspects=among)


def tells_more(revised: Activity, former: Activity) -> bool:
    """Whether a row would say anything new."""
    return revised != former


def _attribution(request: Activity, surely: Attribution) -> Attribution:
    """Never better than the request's own; one that speaks for itself needs no version to be believed."""
    is_self_evident = request.verb in _ENDING or is_creation(request)
    if surely == "Correlated" and request.outcome == "Succeeded" and is_self_evident:
        return request.attribution
    return min(request.attribution, surely, key=ATTRIBUTIONS.index)


def _after(request: Activity, change: Activity) -> _Body:
    if request.verb in _ENDING:
        return None
    if is_creation(request):
        return _known(request.object, change.object)
    return _known(change.object, request.object)


def _before(request: Activity, change: Activity) -> _Body:
    """What was there; of a creation nothing, and of a write that found its object not that there was nothing."""
    if is_creation(request):
        return None
    is_of_more = change.old_object is None and has_made(request) is False
    return request.old_object if is_of_more else _known(change.old_object, request.old_object)


def _known(first: _Body, second: _Body) -> _Body:
    return second if isinstance(first, msgspec.UnsetType) else first


def _fuller(one: Target, other: Target) -> Target:
    return replace(
        one,
        name=one.name or other.name,
        uid=one.uid or other.uid,
        count=other.count if one.count is None else one.count,
        names=other.names if one.names is None else one.names,
    )
