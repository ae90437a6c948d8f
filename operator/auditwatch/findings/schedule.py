"""Which finding is written next: the most severe first, no object too often, creations no faster than etcd deserves.

Only decisions: whoever writes asks with the time and reports how it went. What could not be written stays wanted, so
an outage of the API server costs time and no finding.
"""

from __future__ import annotations

import math
from collections.abc import Container
from dataclasses import dataclass
from typing import Final

from auditwatch.detection.signal import SEVERITIES, Severity
from auditwatch.findings.pacing import TokenBucket

CADENCE_SECONDS: Final = 5.0
CREATIONS_PER_SECOND: Final = 10.0
CREATION_BURST: Final = 20
RETRY_SECONDS: Final = 1.0
RETRY_LIMIT: Final = 60.0
PATIENCE: Final = 3
"""Failures after which a finding gives way: refused ones must not use up the creations of the others."""


@dataclass(slots=True)
class _Entry:
    severity: Severity = "Info"
    creates: bool = True
    wanted_since: float | None = None
    """``None``: nothing to write."""
    not_before: float = -math.inf
    in_flight: bool = False
    failures: int = 0


class Schedule:
    """Times are seconds of one steady clock. A key that :meth:`take` gave out is in flight until told how it went."""

    def __init__(
        self,
        *,
        cadence: float = CADENCE_SECONDS,
        rate: float = CREATIONS_PER_SECOND,
        burst: int = CREATION_BURST,
    ) -> None:
        self._cadence = cadence
        self._bucket = TokenBucket(rate=rate, burst=burst)
        self._entries: dict[str, _Entry] = {}
        self._paused_until = -math.inf
        self._outages = 0

    def want(self, key: str, *, severity: Severity, creates: bool, now: float) -> None:
        """There is something to write; ``creates`` where it takes a new object."""
        entry = self._entries.setdefault(key, _Entry())
        entry.severity = severity
        entry.creates = creates
        entry.wanted_since = now if entry.wanted_since is None else entry.wanted_since

    def drop(self, key: str) -> None:
        """The finding is gone; there is nothing to write any more."""
        self._entries.pop(key, None)

    def take(self, now: float) -> str | None:
        """The most severe finding that may be written now, the longest waiting among equals; ``None`` for not now.

        What failed again and again comes after all others.
        """
        ready = [(key, entry) for key, entry in self._ready(now) if not entry.creates or self._bucket.wait(now) == 0]
        if not ready:
            return None
        key, entry = min(ready, key=_urgency)
        if entry.creates:
            self._bucket.take(now)
        entry.in_flight = True
        entry.wanted_since = None
        return key

    def wait(self, now: float) -> float:
        """Seconds until :meth:`take` may have something; infinite where only :meth:`want` or a report can help."""
        times = [max(entry.not_before - now, self._token_wait(entry, now)) for _, entry in self._waiting()]
        return max(0.0, self._paused_until - now, min(times)) if times else math.inf

    def succeeded(self, key: str, now: float) -> None:
        """It was written; it is written again no sooner than the cadence allows."""
        self._outages = 0
        entry = self._entries.get(key)
        if entry is not None:
            entry.in_flight, entry.creates, entry.failures = False, False, 0
            entry.not_before = now + self._cadence

    def failed(self, key: str, now: float, *, creates: bool) -> None:
        """The finding could not be written: it is tried again, later each time."""
        entry = self._entries.get(key)
        if entry is not None:
            entry.in_flight, entry.creates = False, creates
            entry.wanted_since = now if entry.wanted_since is None else entry.wanted_since
            entry.not_before = now + min(RETRY_LIMIT, RETRY_SECONDS * 2**entry.failures)
            entry.failures = min(entry.failures + 1, 16)

    def unavailable(self, key: str, now: float, *, creates: bool, retry_after: float | None = None) -> None:
        """The API server cannot be written to: nothing is tried for ``retry_after`` s, else ever longer pauses."""
        entry = self._entries.get(key)
        if entry is not None:
            entry.in_flight, entry.creates = False, creates
            entry.wanted_since = now if entry.wanted_since is None else entry.wanted_since
        if now >= self._paused_until:
            pause = retry_after if retry_after is not None else min(RETRY_LIMIT / 2, RETRY_SECONDS * 2**self._outages)
            self._paused_until = now + pause
            self._outages = min(self._outages + 1, 16)

    def backlog(self, *, without: Container[str] = ()) -> int:
        """Findings not yet written as they are, those in flight among them."""
        entries = ((key, entry) for key, entry in self._entries.items() if key not in without)
        return sum(1 for _, entry in entries if entry.in_flight or entry.wanted_since is not None)

    def waiting_since(self, *, without: Container[str] = ()) -> float | None:
        """When the one that waits longest began to; ``None`` where none waits."""
        waiting = (entry for key, entry in self._waiting() if key not in without)
        return min((entry.wanted_since for entry in waiting if entry.wanted_since is not None), default=None)

    def is_in_flight(self, key: str) -> bool:
        """Whether it is being written now."""
        entry = self._entries.get(key)
        return entry is not None and entry.in_flight

    def is_idle(self) -> bool:
        """Whether everything is written."""
        return self.backlog() == 0

    def hurry(self) -> None:
        """The program ends: what waits for its cadence is written at once from now on. The limit on creations stays."""
        self._cadence = 0.0
        for entry in self._entries.values():
            if not entry.failures:
                entry.not_before = -math.inf

    def _waiting(self) -> list[tuple[str, _Entry]]:
        entries = self._entries.items()
        return [(key, entry) for key, entry in entries if entry.wanted_since is not None and not entry.in_flight]

    def _ready(self, now: float) -> list[tuple[str, _Entry]]:
        if now < self._paused_until:
            return []
        return [(key, entry) for key, entry in self._waiting() if entry.not_before <= now]

    def _token_wait(self, entry: _Entry, now: float) -> float:
        return self._bucket.wait(now) if entry.creates else 0.0


def _urgency(item: tuple[str, _Entry]) -> tuple[bool, int, float, str]:
    key, entry = item
    return entry.failures > PATIENCE, -SEVERITIES.index(entry.severity), entry.wanted_since or 0.0, key
