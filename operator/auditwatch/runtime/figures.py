"""What the engine thread tells of itself: plain values, read from any thread, for probes, status and metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog

log = structlog.get_logger()

REMEMBERED_PROBLEMS = 1_000
"""Different problems logged once each; later ones are still counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineFigures:
    """One moment of the engine. Times are seconds since the epoch, sequences those of the log."""

    is_alive: bool = False
    """The thread runs."""
    is_healthy: bool = False
    """Its last attempt to commit worked."""
    error: str = ""
    """Why it is not healthy."""
    is_matching: bool = False
    queue_bytes: int = 0
    queue_deliveries: int = 0
    queue_waiting: int = 0
    """Deliveries that found the queue full."""
    deliveries: int = 0
    """Taken from the queue since the start."""
    refused: int = 0
    """Of those, refused because the journal or the disk was full."""
    commits: int = 0
    """Transactions that reached the disk since the start."""
    last_commit: float | None = None
    last_sequence: int = 0
    detected_sequence: int = 0
    is_full: bool = False
    """Senders are refused until rows may be removed: the limit is reached, or the last batch did not fit below it."""
    used_bytes: int = 0
    limit_bytes: int = 0
    pruned: int = 0
    """Log rows removed since the start."""
    held: int = 0
    """Requests and changes that wait to be joined."""
    overruns: int = 0
    """Times more waited than may, so that nothing could wait, since the start."""
    problems: Mapping[str, int] = field(default_factory=dict)
    """Rows that were passed over because our own code failed on them, by what was being done."""

    @property
    def backlog(self) -> int:
        """Log rows not yet matched."""
        return self.last_sequence - self.detected_sequence


class Problems:
    """Counts what went wrong by what was being done, and logs each different failure once."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._seen: set[tuple[str, str]] = set()

    def note(self, doing: str, error: Exception, **where: object) -> None:
        """Count it; log it if it is a new one."""
        self._counts[doing] = self._counts.get(doing, 0) + 1
        kind = (doing, f"{type(error).__name__}: {error}"[:200])
        if kind not in self._seen and len(self._seen) < REMEMBERED_PROBLEMS:
            self._seen.add(kind)
            log.error("engine problem", doing=doing, error=kind[1], **where)
            log.debug("engine problem, in detail", doing=doing, exc_info=error)

    def counts(self) -> dict[str, int]:
        """A copy, by what was being done."""
        return dict(self._counts)
