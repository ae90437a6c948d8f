"""Finds the few events of a log that some rule may care about, near the speed of memory.

Most of a log is of no interest to any rule. It is searched as a whole, many lines at once, for few anchors; only a
line with an anchor is tested for whole needles, and only a line with a needle is ever decoded.
"""

from __future__ import annotations

from collections.abc import Iterator

from auditwatch.events.anchors import grouped, spellings
from auditwatch.events.holding import NeedleTest
from auditwatch.events.needles import Needles
from auditwatch.events.search import Cursor, Searchable, beginning_of_line, end_of_line, searcher


class Prefilter:
    """Selects events by needles. Never misses one; may select more than the rules want (a needle inside a body)."""

    def __init__(self, needles: Needles) -> None:
        self.needles = needles
        groups = grouped(spellings(needles.needles))
        self._anchors = searcher(tuple(groups))
        self._tests = tuple(NeedleTest(group) for group in groups.values())

    def selects(self, raw: bytes | memoryview) -> bool:
        """Whether some needle is in ``raw``: an event, or a record of several (its literals then anywhere in it)."""
        if self.needles.reads_everything:
            return True
        data = bytes(raw)
        return self._holds(data, self._anchors.over(data, 0, len(data)), 0, len(data))

    def lines(self, chunk: Searchable, start: int = 0, end: int | None = None) -> Iterator[tuple[int, int]]:
        """Start and end (without the newline) of each non-empty line that some needle selects, in order.

        Only ``chunk[start:end]`` is looked at, without copying it: a reader hands over what it has read, keeps what
        follows the last newline, and so pays for the search alone. Pieces of 256 KiB to 512 KiB are fastest. A line is
        what is between newlines: a carriage return or NULs are part of it.
        """
        end = len(chunk) if end is None else end
        found = _all_lines(chunk, start, end) if self.needles.reads_everything else self._selected(chunk, start, end)
        yield from found

    def _selected(self, chunk: Searchable, start: int, end: int) -> Iterator[tuple[int, int]]:
        cursor = self._anchors.over(chunk, start, end)
        while (hit := cursor.following(start)) is not None:
            first = beginning_of_line(chunk, start, hit.position)
            last = end_of_line(chunk, hit.position, end)
            if self._holds(bytes(chunk[first:last]), cursor, hit.position, last):
                yield first, last
            start = last + 1

    def _holds(self, line: bytes, cursor: Cursor, position: int, end: int) -> bool:
        """Whether some needle is in a line, whose anchors are those that ``cursor`` finds up to ``end``."""
        tried: set[int] = set()  # each test once: a client may have filled a body with one anchor
        while (hit := cursor.following(position)) is not None and hit.position < end:
            if hit.which not in tried and self._tests[hit.which].holds(line):
                return True
            tried.add(hit.which)
            position = hit.position + 1
        return False


def _all_lines(chunk: Searchable, start: int, end: int) -> Iterator[tuple[int, int]]:
    while start < end:
        last = end_of_line(chunk, start, end)
        if last > start:
            yield start, last
        start = last + 1
