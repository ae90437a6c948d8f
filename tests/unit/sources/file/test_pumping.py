"""When the loop saves the position: behind what was taken, after a while, and at the end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from auditwatch.sources.file.habits import Habits
from auditwatch.sources.file.position import Position
from auditwatch.sources.file.pumping import PROOF_SECONDS, SAVE_SECONDS, Pump, StoppedError
from auditwatch.sources.file.tail import Batch, FileTail
from tests.unit.sources.file.making import EPOCH, Log


class Sink:
    """Remembers; ``takes``: whether a batch had anything of interest."""

    def __init__(self, *, takes: bool) -> None:
        self.takes = takes
        self.batches: list[Batch] = []
        self.saved: list[Position] = []

    def take(self, batch: Batch) -> bool:
        self.batches.append(batch)
        return self.takes

    def save(self, position: Position) -> None:
        self.saved.append(position)


class Stop(threading.Event):
    """Instead of waiting, ``then`` is called; the time is in its hand."""

    def __init__(self, then: Callable[[int], None]) -> None:
        super().__init__()
        self.turns = 0
        self._then = then

    def wait(self, timeout: float | None = None) -> bool:
        del timeout
        self.turns += 1
        self._then(self.turns)
        if self.turns >= 4:
            self.set()
        return self.is_set()


def pumped(path: Path, sink: Sink, *, seconds: float = 0.0) -> FileTail:
    """Four turns, ``seconds`` apart."""
    now = [0.0]

    def pass_time(_turn: int) -> None:
        now[0] += seconds

    tail = FileTail(
        path, None, clock=lambda: EPOCH, monotonic=lambda: now[0], habits=Habits(start="Beginning", grace=1000.0)
    )
    Pump(tail, sink, stop=Stop(pass_time), monotonic=lambda: now[0]).run()
    return tail


def test_a_batch_without_anything_of_interest_is_saved_at_the_end_at_the_latest(path: Path, log: Log) -> None:
    log.events(3)
    sink = Sink(takes=False)
    tail = pumped(path, sink)

    assert len(sink.batches) == 1
    assert [position.files[0].offset for position in sink.saved] == [path.stat().st_size]
    assert tail.figures.acknowledged == sink.saved[-1]


def test_it_is_saved_after_a_second_without_waiting_for_the_end(path: Path, log: Log) -> None:
    log.events(3)
    sink = Sink(takes=False)
    pumped(path, sink, seconds=SAVE_SECONDS)

    assert len(sink.saved) == 1


def test_what_was_taken_with_its_position_is_not_saved_again(path: Path, log: Log) -> None:
    log.events(3)
    sink = Sink(takes=True)
    tail = pumped(path, sink, seconds=SAVE_SECONDS)

    assert sink.saved == []
    assert tail.figures.acknowledged == sink.batches[0].position_after


def test_that_nothing_came_is_saved_now_and_then(path: Path, log: Log) -> None:
    log.events(1)
    sink = Sink(takes=True)
    pumped(path, sink, seconds=PROOF_SECONDS)

    assert len(sink.saved) == 3
    assert sink.saved[-1].seen == EPOCH


def test_a_sink_that_is_stopped_ends_the_loop_without_saving(path: Path, log: Log) -> None:
    log.events(1)

    class Ending(Sink):
        def take(self, batch: Batch) -> bool:
            del batch
            raise StoppedError

    sink = Ending(takes=True)
    pumped(path, sink)

    assert sink.saved == []
