"""Finds the few lines of a log that some rule may care about, near the speed of memory.

Most of a log is of no interest to any rule. It is searched as a whole, in pieces of many lines, for few anchors; only
lines with an anchor are tested for whole needles, and only those with a needle are ever decoded.
"""

from __future__ import annotations

from collections.abc import Iterator

from auditwatch.events.needles import Needles


class Prefilter:
    """Selects events by needles. Never misses one; may select more than the rules want (a needle inside a body)."""

    def __init__(self, needles: Needles) -> None:
        self._reads_everything = needles.reads_everything
        self._needles = [tuple(literal.encode() for literal in n.literals) for n in sorted(needles.needles)]

    def selects(self, raw: bytes | memoryview) -> bool:
        """Whether some needle is in ``raw``: an event, or a whole record of several."""
        if self._reads_everything:
            return True
        data = bytes(raw)
        return any(all(literal in data for literal in needle) for needle in self._needles)

    def lines(self, chunk: bytes) -> Iterator[tuple[int, int]]:
        """Start and end (without the newline) of each non-empty line of ``chunk`` that some needle selects."""
        start = 0
        while start < len(chunk):
            end = chunk.find(b"\n", start)
            end = len(chunk) if end < 0 else end
            if end > start and self.selects(chunk[start:end]):
                yield start, end
            start = end + 1
