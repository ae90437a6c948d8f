"""In which order what has waited long enough is told: by event time, as far as anybody could tell the difference.

Of one object, and of one actor, nothing is told before what happened earlier and still waits: an incident begins with
its first activity, whichever way that one came. Others need not wait for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from auditwatch.detection.joiner.asking import Place
from auditwatch.detection.joiner.pending import PendingRequest, PendingStep
from auditwatch.events.activity import Actor

LONGEST_SECONDS: Final = 60.0
"""After so long nothing waits for the order's sake."""

Item = PendingRequest | PendingStep
_Lane = tuple[str, Place | str]


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something held, and whether it could be told now but for the order."""

    item: Item
    is_due: bool


def releasable(candidates: Iterable[Candidate], *, now: float) -> list[Item]:
    """What can be told now, in the order in which to tell it."""
    blocked: set[_Lane] = set()
    found = []
    for candidate in sorted(candidates, key=lambda each: each.item.order):
        item = candidate.item
        lanes = _lanes(item)
        is_free = blocked.isdisjoint(lanes) or item.arrived + LONGEST_SECONDS <= now
        if candidate.is_due and is_free:
            found.append(item)
        else:
            blocked.update(_blocking(candidate, blocked.intersection(lanes)))
    return found


def _lanes(item: Item) -> Sequence[_Lane]:
    """What an item must not overtake."""
    if isinstance(item, PendingStep):
        return (("object", item.step.place), ("actor", ""))
    actor = item.row.actor
    return (("object", item.asked.place), ("actor", actor.id), *_pod(actor))


def _blocking(candidate: Candidate, by: set[_Lane]) -> Sequence[_Lane]:
    """In what others must not overtake it; ``by``: in what it must not overtake others itself.

    Who waits until its pod is known may be a thief of K10's token: it holds up what that pod asked for, not what K10
    does meanwhile from its own.
    """
    item = candidate.item
    if isinstance(item, PendingStep):
        return _lanes(item)
    pod = _pod(item.row.actor)
    is_for_pod = item.is_held_for_facts or (candidate.is_due and by == set(pod))
    return (("object", item.asked.place), *pod) if pod and is_for_pod else _lanes(item)


def _pod(actor: Actor) -> Sequence[_Lane]:
    return (("pod", actor.pod_uid),) if isinstance(actor.pod_uid, str) else ()
