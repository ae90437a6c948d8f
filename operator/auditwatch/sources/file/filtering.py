"""Chooses the lines some rule may care about, by needles that may change at any time.

Only whole lines are filtered: of a line that is cut or torn the part with the needle may be missing.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from auditwatch.events.needles import Needles
from auditwatch.events.prefilter import Prefilter
from auditwatch.sources.file.framing import Line


@dataclass(frozen=True, slots=True)
class Selection:
    """Lines in their order, and the digest of the needles that chose them; empty: everything was taken."""

    lines: list[Line]
    digest: str


class Filter:
    """Asks ``provide`` for the needles in force before each batch; ``None``: not known yet, so everything is taken."""

    def __init__(self, provide: Callable[[], Needles | None]) -> None:
        self._provide = provide
        self._needles: Needles | None = None
        self._prefilter: Prefilter | None = None

    def select(self, lines: list[Line]) -> Selection:
        """Those of ``lines`` to be decoded."""
        prefilter = self._in_force()
        if prefilter is None or self._needles is None:
            return Selection(lines, "")
        if self._needles.reads_everything:
            return Selection(lines, self._needles.digest)
        kept = {line.offset for line in lines if line.form != "Whole"}
        kept.update(_selected(prefilter, [line for line in lines if line.form == "Whole"]))
        return Selection([line for line in lines if line.offset in kept] if kept else [], self._needles.digest)

    def _in_force(self) -> Prefilter | None:
        needles = self._provide()
        if needles is None:
            self._needles = self._prefilter = None
        elif self._needles is None or self._needles.digest != needles.digest:
            self._needles, self._prefilter = needles, Prefilter(needles)
        return self._prefilter


def _selected(prefilter: Prefilter, lines: Sequence[Line]) -> list[int]:
    """Offsets of the lines with a needle, searched for in all of them at once."""
    chunk = b"\n".join([line.data for line in lines])
    begins = list(accumulate((len(line.data) + 1 for line in lines), initial=0))
    return [lines[bisect_right(begins, begin) - 1].offset for begin, _ in prefilter.lines(chunk)]
