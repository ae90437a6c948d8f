"""The policy of every watch, and for a while the one it had before.

What happened before an AuditWatch was changed is shown if it would have been shown then: whoever raises its least
severity hides nothing of what they have just done (see ``detection/formers.py`` for the rules themselves).
"""

from __future__ import annotations

from typing import Final

from auditwatch.detection.formers import Formers
from auditwatch.detection.signal import Signal
from auditwatch.findings.policy import FindingPolicy

DEFAULT_POLICY: Final = FindingPolicy()


class Policies:
    """By watch (``namespace/name``)."""

    def __init__(self) -> None:
        self._now: dict[str, FindingPolicy] = {}
        self._formers: Formers[FindingPolicy] = Formers()

    def put(self, watch: str, policy: FindingPolicy, *, at: float | None) -> None:
        """Use this one, and for what happened before ``at`` the former one as well."""
        former = self._now.get(watch)
        if at is not None and former is not None and former != policy:
            self._formers.keep(watch, former, until=at)
        self._now[watch] = policy

    def drop(self, watch: str) -> None:
        """The watch is gone."""
        self._now.pop(watch, None)
        self._formers.drop(watch)

    def get(self, watch: str) -> FindingPolicy | None:
        """The one in use; ``None`` where the watch is not known."""
        return self._now.get(watch)

    def of(self, signal: Signal) -> FindingPolicy:
        """The one to show the signal by."""
        policy = self._now.get(signal.watch, DEFAULT_POLICY)
        former = None if policy.shows(signal.severity) else self._formers.at(signal.watch, signal.time)
        return former if former is not None and former.shows(signal.severity) else policy

    def end_formers(self, *, before: float) -> None:
        """Forget those that ended before this event time."""
        self._formers.end(before=before)
