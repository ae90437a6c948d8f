"""Reads one audit log for ever, as a machine that is stepped: no thread, no waiting, nothing but the files.

Each step gives at most one batch: lines of one file, and the position from which everything behind them would be read
again. Whoever steps hands the lines over and acknowledges; what was not acknowledged comes again after a restart.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from auditwatch.sources.file.compressed import DamagedGzipError, UnfinishedGzipError
from auditwatch.sources.file.files import Files
from auditwatch.sources.file.framing import Line
from auditwatch.sources.file.gaps import FileGap
from auditwatch.sources.file.habits import Habits
from auditwatch.sources.file.position import Position
from auditwatch.sources.file.reading import CutShortError, Reader
from auditwatch.sources.file.trouble import Trouble, explain

_FASTER = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one step found: lines, gaps or both."""

    file: str
    """Name of the file the lines are from; empty where there are none."""
    records: list[Line]
    position_after: Position
    lag_bytes: int
    gaps: list[FileGap]
    last_event: float | None = None
    """Time of the last event, seconds since the epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TailFigures:
    """How it stands. ``trouble`` None: all is well."""

    trouble: Trouble | None = None
    lag_bytes: int = 0
    files_open: int = 0
    files_waiting: int = 0
    seen: float = 0.0
    """Everything written before this moment was read, seconds since the epoch."""
    acknowledged: Position | None = None


class FileTail:
    """The log at ``path``, from ``position`` on; ``None``: it was never read before."""

    def __init__(
        self,
        path: Path,
        position: Position | None,
        *,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
        habits: Habits | None = None,
    ) -> None:
        self.path = path
        self.pause = 0.0
        """Seconds to wait before the next step."""
        self._habits = habits or Habits()
        self._files = Files(path, position, self._habits, clock)
        self._clock = clock
        self._monotonic = monotonic
        self._is_begun = position is not None
        self._looked = -math.inf
        self._looked_at = 0.0
        self.figures = TailFigures(trouble=self._files.trouble, acknowledged=position)

    def begin(self) -> Position | None:
        """Of a log that was never read before, where it begins: to be made safe before anything of it is read.

        Else whoever is killed before the first position is safe would begin anew behind what was rotated meanwhile.
        ``None``: that is safe already, or what there is cannot be seen yet.
        """
        if self._is_begun:
            return None
        self._look(self._monotonic())
        self._is_begun = self._files.has_begun
        return self.position() if self._is_begun else None

    def step(self) -> Batch | None:
        """Look, read up to the budget, let go of what has ended. ``None``: nothing (yet)."""
        now = self._monotonic()
        if self.pause or now - self._looked >= self._habits.look:
            self._look(now)
        batch = self._read_next(now)
        if batch is None and self._files.gaps:
            batch = self._batch("", [], None)
        self._measure()
        return batch

    def acknowledge(self, position: Position) -> None:
        """What lies before ``position`` is safe elsewhere."""
        self.figures = replace(self.figures, acknowledged=position)

    def position(self) -> Position:
        """Behind everything handed over so far."""
        return self._files.position()

    def close(self) -> None:
        """Close all files."""
        self._files.close()

    def _look(self, now: float) -> None:
        at = self._clock()
        self._files.look(now)
        self._looked, self._looked_at = now, at

    def _read_next(self, now: float) -> Batch | None:
        """The oldest file that gives something; the pause until the next step follows from what was found."""
        for reader in self._files.in_order():
            lines = self._read(reader, now)
            is_busy = not reader.is_at_end and reader in self._files.readers
            if not lines and not is_busy and reader in self._files.readers:
                lines = self._files.retire(reader, now)
            if lines or is_busy:
                self.pause = 0.0 if is_busy else self._habits.shortest_pause
                return self._batch(reader.name.text, lines, reader.last_event) if lines else None
        if self._files.is_complete:
            self._files.seen = max(self._files.seen, self._looked_at)
        self.pause = min(max(self.pause * _FASTER, self._habits.shortest_pause), self._habits.longest_pause)
        return None

    def _read(self, reader: Reader, now: float) -> list[Line]:
        try:
            return reader.read(self._habits.budget, now=now)
        except CutShortError:
            self._files.cut_short(reader)
        except UnfinishedGzipError:
            reader.is_at_end = True
            if now - reader.last_growth >= self._habits.patience:
                return self._files.give_up(reader, "was never finished")
        except DamagedGzipError as error:
            return self._files.give_up(reader, str(error))
        except OSError as error:
            self._files.drop(reader, has_ended=False)
            self._files.trouble = explain(error, self.path.with_name(reader.name.text))
        return []

    def _batch(self, file: str, lines: list[Line], last_event: float | None) -> Batch:
        gaps, self._files.gaps = self._files.gaps, []
        return Batch(
            file=file,
            records=lines,
            position_after=self._files.position(),
            lag_bytes=self._files.behind(),
            gaps=gaps,
            last_event=last_event,
        )

    def _measure(self) -> None:
        files = self._files
        self.figures = replace(
            self.figures,
            trouble=files.trouble,
            lag_bytes=files.behind(),
            files_open=len(files.readers),
            files_waiting=len(files.waiting),
            seen=files.seen,
        )
