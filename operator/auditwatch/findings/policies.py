"""The policy of every watch, and for a while the one it had before.

What happened before an AuditWatch was changed is shown if it would have been shown then: whoever raises its least
severity hides nothing of what they have just done (see ``detection/formers.py`` for the rules themselves).
"""

from __future__ import annotations

from typing import Final

from auditwatch.detection.signal import Signal
from auditwatch.findings.policy import FindingPolicy

DEFAULT_POLICY: Final = FindingPolicy()
MAX_FORMERS: Final = 8
"""Kept of one watch; of more the newest are given up."""


class Policies:
    """By watch (``namespace/name``)."""

    def __init__(self) -> None:
        self._now: dict[str, FindingPolicy] = {}
        self._formers: dict[str, list[tuple[float, FindingPolicy]]] = {}
        """With the event time, seconds since the epoch, until which each held; rising."""

    def put(self, watch: str, policy: FindingPolicy, *, at: float | None) -> None:
        """Use this one, and for what happened before ``at`` the former one as well."""
        former = self._now.get(watch)
        kept = self._formers.setdefault(watch, [])
        if at is not None and former not in (None, policy) and len(kept) < MAX_FORMERS:
            assert former is not None
            kept.append((max([at, *(until for until, _ in kept)]), former))
        self._now[watch] = policy

    def drop(self, watch: str) -> None:
        """The watch is gone."""
        self._now.pop(watch, None)
        self._formers.pop(watch, None)

    def get(self, watch: str) -> FindingPolicy | None:
        """The one in use; ``None`` where the watch is not known."""
        return self._now.get(watch)

    def of(self, signal: Signal) -> FindingPolicy:
        """The one to show the signal by."""
        policy = self._now.get(signal.watch, DEFAULT_POLICY)
        if policy.shows(signal.severity):
            return policy
        former = next((each for until, each in self._formers.get(signal.watch, ()) if signal.time < until), policy)
        return former if former.shows(signal.severity) else policy

    def end_formers(self, *, before: float) -> None:
        """Forget those that ended before this event time."""
        for watch, kept in list(self._formers.items()):
            self._formers[watch] = [each for each in kept if each[0] >= before]
            if not self._formers[watch]:
                del self._formers[watch]
