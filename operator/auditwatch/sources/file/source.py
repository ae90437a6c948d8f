"""The file source: one thread that reads one audit log and hands what matters to the engine."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from auditwatch.events.activity import Gap
from auditwatch.events.audit import Seen, unseen
from auditwatch.events.needles import Needles
from auditwatch.events.redaction import Redactor
from auditwatch.journal.delivery import Delivery
from auditwatch.journal.errors import JournalUnavailableError
from auditwatch.sources.file.decoding import Decoding, Reading, Unreadable
from auditwatch.sources.file.deliveries import Advance, Progress, Recall, mark_of
from auditwatch.sources.file.filtering import Filter
from auditwatch.sources.file.gaps import FileGap, lines_unreadable
from auditwatch.sources.file.habits import Habits
from auditwatch.sources.file.position import Position
from auditwatch.sources.file.pumping import Pump, StoppedError
from auditwatch.sources.file.report import FileReport, Tally, report_of
from auditwatch.sources.file.tail import Batch, FileTail, TailFigures
from auditwatch.sources.file.trouble import Trouble

log = structlog.get_logger()
Deliver = Callable[[Delivery], "Future[None]"]
"""Queues a delivery, from any thread; the future resolves after the commit."""

STOP_SECONDS = 1.0
RETRY_SECONDS = 2.0
_POLL_SECONDS = 0.25
_TOLD_SINGLY = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePlan:
    """One log: which, and whose."""

    name: str
    """Of the installed source."""
    cluster: str
    instance: str
    """Which API server writes it."""
    path: Path
    """The live file."""
    habits: Habits = field(default_factory=Habits)


class FileSource:
    """``start``, ``stop``; ``report`` from any thread.

    ``needles`` is asked before each batch. ``clock``: seconds since the epoch. ``ended`` is called in the source's
    thread where that ends by itself, which only a defect can bring about.
    """

    def __init__(
        self,
        plan: FilePlan,
        *,
        deliver: Deliver,
        redactor: Redactor,
        needles: Callable[[], Needles],
        clock: Callable[[], float],
        monotonic: Callable[[], float],
        ended: Callable[[BaseException], None],
        seen: Seen = unseen,
    ) -> None:
        self._plan = plan
        self._stop = threading.Event()
        self._sink = JournalSink(
            plan, deliver=deliver, redactor=redactor, needles=needles, clock=clock, stop=self._stop, seen=seen
        )
        self._clock = clock
        self._monotonic = monotonic
        self._ended = ended
        self._tail: FileTail | None = None
        self._thread = threading.Thread(target=self._run, name=f"file-{plan.name}", daemon=True)

    @property
    def name(self) -> str:
        """Of the installed source."""
        return self._plan.name

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Go on where the journal says."""
        self._thread.start()

    def stop(self, *, within: float = STOP_SECONDS) -> bool:
        """End; what is not committed is read again after the next start. Whether the thread has ended in time."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(within)
        return not self._thread.is_alive()

    def report(self) -> FileReport:
        """How it stands."""
        plan, tail = self._plan, self._tail
        figures = tail.figures if tail else TailFigures(trouble=Trouble("Starting", ""))
        return report_of(
            self._sink.tally,
            figures,
            source=plan.name,
            instance=plan.instance,
            path=str(plan.path),
            now=self._clock(),
        )

    def _run(self) -> None:
        try:
            position = self._sink.recall()
            self._tail = FileTail(
                self._plan.path, position, clock=self._clock, monotonic=self._monotonic, habits=self._plan.habits
            )
            Pump(self._tail, self._sink, stop=self._stop, monotonic=self._monotonic).run()
        except StoppedError:
            return
        except Exception as error:  # noqa: BLE001 - told to whoever started the thread, who alone can end the program
            log.critical("file source ended", source=self.name, path=str(self._plan.path), error=repr(error))
            self._ended(error)


class JournalSink:
    """Filters, decodes and delivers."""

    def __init__(
        self,
        plan: FilePlan,
        *,
        deliver: Deliver,
        redactor: Redactor,
        needles: Callable[[], Needles],
        clock: Callable[[], float],
        stop: threading.Event,
        seen: Seen,
    ) -> None:
        self.tally = Tally()
        self._plan = plan
        self._deliver = deliver
        self._clock = clock
        self._stop = stop
        self._filter = Filter(needles)
        self._decoding = Decoding(
            cluster=plan.cluster, source=plan.name, instance=plan.instance, redactor=redactor, seen=seen
        )
        self._mark = mark_of(plan.name, plan.instance)

    def recall(self) -> Position | None:
        """How far the log was read; ``None``: never. Raises StoppedError."""
        recall = Recall(mark=self._mark)
        self._put(recall)
        if recall.problem:
            log.error("position unreadable, reading anew", source=self._plan.name, problem=recall.problem)
        if recall.progress is None:
            return None
        self.tally.needles_digest = recall.progress.needles
        return recall.progress.position

    def take(self, batch: Batch) -> bool:
        """Commit the events of a batch; without any, its position may wait."""
        selection = self._filter.select(batch.records)
        reading = self._decoding.read(selection.lines, received=self._clock())
        self._count(batch, len(selection.lines), selection.digest, reading)
        gaps = list(batch.gaps)
        if reading.unreadable:
            gaps.append(self._unreadable(batch, reading.unreadable))
        self._note_gaps(gaps)
        if not (reading.rows or gaps):
            return False
        self._advance(batch.position_after, reading, [self._gap(gap) for gap in gaps])
        return True

    def save(self, position: Position) -> None:
        """Commit a position."""
        self._advance(position, Reading(), [])

    def _advance(self, position: Position, reading: Reading, gaps: list[Gap]) -> None:
        progress = Progress(position=position, needles=self.tally.needles_digest)
        self._put(Advance(source=self._plan.name, mark=self._mark, progress=progress, rows=reading.rows, gaps=gaps))

    def _put(self, delivery: Delivery) -> None:
        """Until it is on disk: a journal that is full or busy is waited for, which holds the reading back."""
        while True:
            try:
                self._committed(self._deliver(delivery))
            except StoppedError:
                raise
            except JournalUnavailableError as error:
                self._complain(str(error))
            except Exception as error:  # noqa: BLE001 - kept and offered again: to skip it would be to lose it
                self._complain(f"a defect of this program keeps events from the journal: {error!r}")
            else:
                self.tally.message = ""
                return
            if self._stop.wait(RETRY_SECONDS):
                raise StoppedError

    def _committed(self, done: Future[None]) -> None:
        while True:
            try:
                done.result(_POLL_SECONDS)
            except TimeoutError:
                if done.done():
                    raise
                if self._stop.is_set() and done.cancel():
                    raise StoppedError from None
            else:
                return

    def _complain(self, problem: str) -> None:
        if problem != self.tally.message:
            log.warning("journal does not take what was read", source=self._plan.name, reason=problem)
        self.tally.message = problem

    def _count(self, batch: Batch, selected: int, digest: str, reading: Reading) -> None:
        tally = self.tally
        tally.selected += selected
        tally.degraded += reading.degraded
        tally.needles_digest = digest
        tally.last_event = batch.last_event or tally.last_event
        tally.undecodable.update(unreadable.reason for unreadable in reading.unreadable)
        tally.count(batch.records)
        for unreadable in reading.unreadable[:_TOLD_SINGLY]:
            log.warning(
                "no audit event",
                file=batch.file,
                offset=unreadable.offset,
                reason=unreadable.reason,
                problem=unreadable.problem,
            )

    def _unreadable(self, batch: Batch, unreadable: list[Unreadable]) -> FileGap:
        end = batch.last_event or self._clock()
        return lines_unreadable(batch.file, [(one.offset, one.problem) for one in unreadable], at=end)

    def _note_gaps(self, gaps: list[FileGap]) -> None:
        for gap in gaps:
            self.tally.gaps[gap.reason] += 1
            log.warning("audit log incomplete", source=self._plan.name, reason=gap.reason, problem=gap.message)

    def _gap(self, gap: FileGap) -> Gap:
        plan = self._plan
        return Gap(
            cluster=plan.cluster,
            source=plan.name,
            subject=plan.instance,
            reason=gap.reason,
            message=gap.message,
            start=gap.start,
            end=gap.end,
        )
