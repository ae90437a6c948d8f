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
        self.first: Position | None = None
        """What was saved before anything was read."""

    def take(self, batch: Batch) -> bool:
        self.batches.append(batch)
        return self.takes

    def save(self, position: Position) -> None:
        if self.first is None and not self.batches:
            self.first = position
        else:
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


class Killed(Sink):
    """Never gets to take anything."""

    def take(self, batch: Batch) -> bool:
        del batch
        raise StoppedError


def lines_after(path: Path, position: Position | None) -> int:
    """How many lines whoever starts with this position reads."""
    tail = FileTail(path, position, clock=lambda: EPOCH, monotonic=lambda: 0.0, habits=Habits(grace=1000.0))
    batches = [tail.step() for _ in range(6)]
    tail.close()
    return sum(len(batch.records) for batch in batches if batch is not None)


def test_where_a_log_begins_is_safe_before_anything_of_it_is_read(path: Path, log: Log) -> None:
    log.events(1)
    log.rotate()
    log.events(3)
    sink = Killed(takes=True)
    tail = FileTail(path, None, clock=lambda: EPOCH, monotonic=lambda: 0.0, habits=Habits(grace=1000.0))
    Pump(tail, sink, stop=Stop(lambda _turn: None), monotonic=lambda: 0.0).run()
    log.rotate()
    log.events(2)

    assert lines_after(path, sink.first) == 5
    assert lines_after(path, None) == 2, "what was rotated meanwhile would have been skipped"


def test_a_log_that_was_read_before_has_no_beginning_to_save(path: Path, log: Log) -> None:
    log.events(1)
    first = Sink(takes=True)
    pumped(path, first)
    tail = FileTail(path, first.batches[-1].position_after, clock=lambda: EPOCH, monotonic=lambda: 0.0)

    assert tail.begin() is None
    tail.close()


def test_a_beginning_that_cannot_be_seen_yet_is_saved_when_it_can(path: Path, log: Log) -> None:
    log.events(1)
    hidden = path.parent.with_name("hidden")
    hidden.write_text("no directory")
    tail = FileTail(hidden / path.name, None, clock=lambda: EPOCH, monotonic=lambda: 0.0)
    assert tail.begin() is None
    hidden.unlink()
    path.parent.rename(hidden)

    assert tail.begin() is not None
    assert tail.begin() is None
    tail.close()
    hidden.rename(path.parent)
