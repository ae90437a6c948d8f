"""How many incidents of one rule may be open: the bound that keeps etcd from being filled by an intruder.

There are three purses per rule, so that many harmless incidents leave room for a bad one: what has no object, what has
one, and Critical, which may have twice as many.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from auditwatch.detection.signal import Severity
from auditwatch.findings.policy import FindingPolicy

CRITICAL_FACTOR: Final = 2

Purse = tuple[str, str, str]
"""watch, rule, and which of the rule's three purses."""


def purse(*, watch: str, rule: str, severity: Severity, shown: bool) -> Purse:
    """The purse an incident is paid from; it moves when severity rises."""
    kind = "Critical" if severity == "Critical" else "Shown" if shown else "Hidden"
    return watch, rule, kind


class Quotas:
    """Open incidents by purse."""

    def __init__(self) -> None:
        self._paid: dict[str, Purse] = {}
        self._open: Counter[Purse] = Counter()

    def has_room(self, purse: Purse, policy: FindingPolicy) -> bool:
        """Whether one more incident may be opened."""
        factor = CRITICAL_FACTOR if purse[2] == "Critical" else 1
        return self._open[purse] < policy.max_per_rule * factor

    def enter(self, key: str, purse: Purse) -> None:
        """The incident ``key`` is open and paid from ``purse``, whatever it was paid from before."""
        self.leave(key)
        self._paid[key] = purse
        self._open[purse] += 1

    def leave(self, key: str) -> None:
        """The incident is over; one that has left already changes nothing."""
        purse = self._paid.pop(key, None)
        if purse is not None:
            self._open[purse] -= 1

    def paying(self) -> tuple[str, ...]:
        """Keys of the incidents that take room."""
        return tuple(self._paid)
