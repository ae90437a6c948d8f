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

LONGEST_SECONDS: Final = 60.0
"""After so long nothing waits for the order's sake."""

Item = PendingRequest | PendingStep


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something held, and whether it could be told now but for the order."""

    item: Item
    is_due: bool


def releasable(candidates: Iterable[Candidate], *, now: float) -> list[Item]:
    """What can be told now, in the order in which to tell it."""
    blocked: set[tuple[str, Place | str]] = set()
    found = []
    for candidate in sorted(candidates, key=lambda each: each.item.order):
        item = candidate.item
        lanes = _lanes(item)
        is_free = blocked.isdisjoint(lanes) or item.arrived + LONGEST_SECONDS <= now
        if candidate.is_due and is_free:
            found.append(item)
        else:
            blocked.update(lanes)
    return found


def _lanes(item: Item) -> Sequence[tuple[str, Place | str]]:
    if isinstance(item, PendingStep):
        return (("object", item.step.place), ("actor", ""))
    return (("object", item.asked.place), ("actor", item.row.actor.id))
