"""What the engine does by the clock: proof that it can commit, and letting go of rows nobody needs."""

from __future__ import annotations

import math

from auditwatch.journal.journal import Journal
from auditwatch.journal.pruning import RETENTION_SECONDS

ALIVE = "alive"
"""Name of the mark: seconds since the epoch of the last proof of life; where downtime begins."""
HEARTBEAT_SECONDS = 10.0
PRUNE_SECONDS = 60.0


class Upkeep:
    """Called once a turn; does little, and only when due."""

    def __init__(self, journal: Journal, *, retention_seconds: float = RETENTION_SECONDS) -> None:
        self._journal = journal
        self._retention_seconds = retention_seconds
        self._beaten = self._pruned = -math.inf
        self.pruned = 0
        """Log rows removed since the start."""

    def step(self, *, now: float, detected: int, was_healthy: bool) -> None:
        """Beat (after an error: at once) and prune where due; rows not yet detected stay.

        What was detected is saved as findings, whose publication needs no row of the log: one that cannot be written
        keeps nothing here.

        Raises :class:`JournalError`.
        """
        if not was_healthy or _is_due(self._beaten, now, HEARTBEAT_SECONDS):
            self.beat(now)
        crowded = self._journal.is_crowded()
        if crowded or _is_due(self._pruned, now, PRUNE_SECONDS):
            self._prune(now, detected, keep_after=math.inf if crowded else now - self._retention_seconds)

    def beat(self, now: float) -> None:
        """Write the time: it works, or it raises :class:`JournalError`."""
        with self._journal.transaction():
            self._journal.set_mark(ALIVE, repr(now).encode())
        self._beaten = now

    def _prune(self, now: float, detected: int, *, keep_after: float) -> None:
        removed = self._journal.prune(keep_after=keep_after, keep_sequence=detected)
        self.pruned += removed
        emptied = self._journal.prune_inbox(keep_after=keep_after)
        if not removed and not emptied:  # otherwise there may be more, in the next turn
            self._pruned = now


def proof_of_life(journal: Journal) -> float | None:
    """When the journal was last known to be written, seconds since the epoch; ``None`` for a new one."""
    value = journal.mark(ALIVE)
    return float(value) if value else None


def _is_due(last: float, now: float, seconds: float) -> bool:
    return abs(now - last) >= seconds  # a clock set back must not stop the work for as long as it was set back
