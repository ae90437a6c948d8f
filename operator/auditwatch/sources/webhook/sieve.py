"""Which events are of interest right now, for us and for agents that filter before they send."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from auditwatch.events.needles import Needles
from auditwatch.events.prefilter import Prefilter

HEADER: Final = "Auditwatch-Needles"
"""Carries the digest of the needles by which an agent chose what it sends; API servers, which send all, have none."""


class Sieve:
    """The needles in force, whoever changes them while we run, and the prefilter made of them."""

    def __init__(self, provide: Callable[[], Needles]) -> None:
        self._provide = provide
        self._needles: Needles | None = None
        self._prefilter = Prefilter(Needles.of([]))

    @property
    def needles(self) -> Needles:
        """Those in force now."""
        return self._provide()

    @property
    def prefilter(self) -> Prefilter:
        """Made of those in force now."""
        needles = self._provide()
        if self._needles is None or self._needles.digest != needles.digest:
            self._needles, self._prefilter = needles, Prefilter(needles)
        return self._prefilter

    def is_stale(self, digest: str) -> bool:
        """Whether a sender who says this digest has to be told anew; who says none sends everything."""
        return bool(digest) and digest != self.needles.digest


def told(needles: Needles) -> dict[str, object]:
    """Needles as they are told to agents."""
    return {
        "digest": needles.digest,
        "readsEverything": needles.reads_everything,
        "needles": sorted(list(needle.literals) for needle in needles.needles),
    }


def encoded(document: object) -> bytes:
    """JSON."""
    return msgspec.json.encode(document)
