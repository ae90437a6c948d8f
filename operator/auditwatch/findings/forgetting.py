"""Which incidents the ledger need not know any more: over and told, or with nobody left to tell. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from auditwatch.detection.signal import SEVERITIES
from auditwatch.findings.state import FindingState

KEPT_REFUSED: Final = 1_000
"""Of one watch, incidents that are over and refused: a mend writes these, and more would fill the journal."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the publisher knows of the API server."""

    published: Mapping[str, int]
    """By key, the revision that is there."""
    refused: Collection[str] = field(default=frozenset())
    """Keys of what it will not take as it is."""

    def is_told(self, state: FindingState) -> bool:
        """Whether all of it is there, or none of it is to be."""
        return not state.shown or self.published.get(state.key, 0) >= state.revision


def is_over(state: FindingState, time: float) -> bool:
    """Whether it was quiet for so long at event time ``time`` that the next signal is another incident."""
    return time > state.last_seen + state.reopen_after


def needless(
    states: Iterable[FindingState], told: Told, *, before: float, has_ended: Callable[[str], bool]
) -> list[FindingState]:
    """Those that are over, or whose watch ``has_ended``, and told; of the latter also those that are refused."""
    return [
        state
        for state in states
        if (has_ended(state.watch) and (told.is_told(state) or state.key in told.refused))
        or (is_over(state, before) and told.is_told(state))
    ]


def beyond_room(states: Iterable[FindingState], told: Told, *, before: float) -> list[FindingState]:
    """Of incidents that are over and refused those for which there is no room: the eldest of the least severe."""
    waiting: defaultdict[str, list[FindingState]] = defaultdict(list)
    for state in states:
        if state.key in told.refused and is_over(state, before):
            waiting[state.watch].append(state)
    return [state for each in waiting.values() for state in sorted(each, key=_worth, reverse=True)[KEPT_REFUSED:]]


def _worth(state: FindingState) -> tuple[int, float]:
    return SEVERITIES.index(state.severity), state.last_seen
