"""The loop around a tail: step, hand over, wait. The operator's thread and the agent turn the same one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from auditwatch.sources.file.position import Position
from auditwatch.sources.file.tail import Batch, FileTail

SAVE_SECONDS = 1.0
"""How long a position without anything of interest before it may stay unsaved."""
PROOF_SECONDS = 10.0
"""How often it is saved that nothing came."""


class StoppedError(Exception):
    """The program ends; what was being handed over is seen again after the next start."""


class Sink(Protocol):
    """Where lines go."""

    def take(self, batch: Batch) -> bool:
        """Return once all that matters in ``batch`` is safe; whether its position is too. Raises StoppedError."""
        ...

    def save(self, position: Position) -> None:
        """Make a position safe that has nothing unsaved before it. Raises StoppedError."""
        ...


class Pump:
    """Turns until ``stop`` is set."""

    def __init__(self, tail: FileTail, sink: Sink, *, stop: threading.Event, monotonic: Callable[[], float]) -> None:
        self._tail = tail
        self._sink = sink
        self._stop = stop
        self._monotonic = monotonic
        self._saved = monotonic()
        self._is_unsaved = False

    def run(self) -> None:
        """Read until stopped; then save how far it got."""
        try:
            while not self._stop.is_set():
                self._stop.wait(self._turn())
            if self._is_unsaved:
                self._save(self._tail.position())
        except StoppedError:
            pass
        finally:
            self._tail.close()

    def _turn(self) -> float:
        """One step; seconds to wait before the next."""
        beginning = self._tail.begin()
        if beginning is not None:
            self._save(beginning)
        batch = self._tail.step()
        if batch is not None:
            is_saved = self._sink.take(batch)
            self._is_unsaved = not is_saved
            if is_saved:
                self._note_saved(batch.position_after)
        waited = self._monotonic() - self._saved
        if waited >= PROOF_SECONDS or (self._is_unsaved and waited >= SAVE_SECONDS):
            self._save(self._tail.position())
        return self._tail.pause

    def _save(self, position: Position) -> None:
        self._sink.save(position)
        self._note_saved(position)

    def _note_saved(self, position: Position) -> None:
        self._is_unsaved = False
        self._saved = self._monotonic()
        self._tail.acknowledge(position)
