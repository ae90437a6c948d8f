"""Tests one event for whole needles, after an anchor was found in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import chain

from auditwatch.events.anchors import Literals
from auditwatch.events.search import Searcher, searcher


class NeedleTest:
    """Whether all literals of some needle are in an event. Needles that share a literal are tested together."""

    def __init__(self, needles: Sequence[Literals]) -> None:
        shared = Counter(chain.from_iterable(set(needle) for needle in needles))
        partners: dict[bytes, list[bytes]] = {}
        alone: dict[bytes, None] = {}
        for needle in needles:
            first, *others = sorted(set(needle), key=lambda literal: (-shared[literal], literal))
            if others:
                partners.setdefault(first, []).extend(others)
            else:
                alone[first] = None
        self._alone = tuple(alone)
        self._pairs: tuple[tuple[bytes, Searcher], ...] = tuple(
            (first, searcher(others)) for first, others in partners.items() if first not in alone
        )

    def holds(self, event: bytes) -> bool:
        """Whether some needle is in ``event``."""
        if any(literal in event for literal in self._alone):
            return True
        return any(
            first in event and partner.over(event, 0, len(event)).following(0) is not None
            for first, partner in self._pairs
        )
