"""Follows the log of one pod for as long as the pod is there: awaits what ``course.py`` decides."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Final

import msgspec
import structlog

from auditwatch.cluster.client import Cluster
from auditwatch.cluster.errors import BadRequestError, ClusterError, UnreachableError
from auditwatch.cluster.pod_logs import PODS, LogRequest, log_lines
from auditwatch.events.canary import gap_of
from auditwatch.journal.delivery import Delivery, Intake
from auditwatch.journal.errors import JournalUnavailableError
from auditwatch.k10.identity import AGGREGATED_APIS
from auditwatch.sources.k10stream.course import (
    Intervals,
    Loss,
    Reading,
    Trouble,
    hole,
    lives_lost,
    next_reading,
    previous_lost,
    trouble,
)
from auditwatch.sources.k10stream.deliveries import Batch
from auditwatch.sources.k10stream.lines import parse_line
from auditwatch.sources.k10stream.marks import Position
from auditwatch.sources.k10stream.pods import ContainerRun
from auditwatch.sources.k10stream.reading import Reader, Seen
from auditwatch.sources.k10stream.report import Counts

log = structlog.get_logger()
_JOURNAL_PAUSE_SECONDS: Final = 2.0
_ENDED: Final = "the log of its container has ended: the container starts again, or was stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the followers of one K10 share."""

    cluster: Cluster
    intake: Intake
    namespace: str
    clock: Callable[[], float]
    """Seconds since the epoch."""
    jitter: Callable[[], float]
    """0 to 1."""
    pods: Callable[[], Sequence[str]]
    """Names of all pods of this K10."""
    look: asyncio.Event
    """Set: somebody wants the pods to be looked at now."""
    intervals: Intervals = field(default_factory=Intervals)


class Follower:
    """One pod. ``tell`` it what the kubelet says of its container, or that it is ``gone``."""

    def __init__(self, run: ContainerRun, position: Position | None, reader: Reader, around: Surroundings) -> None:
        self._around = around
        self._reader = reader
        self._run = run
        self._gone = asyncio.Event()
        self._is_present = False
        self._revision = reader.knowledge.revision
        self._hole_since: float | None = None
        self._is_delivering = False
        self._written = 0.0
        self._failures = 0
        self._counts: Counter[str] = Counter()
        self.position = position
        """How far the log is read."""
        self.trouble: Trouble | None = None
        """Why it is not being read."""
        self.is_open = False
        """Whether the log is being read at this moment."""
        self.is_heard = False
        """Whether anything like an audit event was read of the present life of the container."""
        self.is_complete = False
        """Whether the log of the present life was last read to an end in order."""
        self.last_event: float | None = None

    @property
    def pod(self) -> ContainerRun:
        """The container as it was last told."""
        return self._run

    def counts(self) -> Counts:
        """Since the start."""
        return Counts(**self._counts)

    def tell(self, run: ContainerRun) -> None:
        """The pods were looked at: this is how the container is."""
        if run.restarts != self._run.restarts:
            self.is_heard = False
        self._run = run

    def gone(self) -> None:
        """The pods were looked at, and this one is not there any more."""
        self._gone.set()

    async def run(self) -> None:
        """Read until the pod is gone, and its log at its end or without another line for a while."""
        reading = asyncio.create_task(self._keep_reading())
        gone = asyncio.create_task(self._gone.wait())
        try:
            await asyncio.wait({reading, gone}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({reading}, timeout=self._around.intervals.farewell)
            is_read = self.is_open and self._is_present and not self._is_delivering
            self.is_complete = self.is_complete or is_read
        finally:
            reading.cancel()
            gone.cancel()
            await asyncio.gather(reading, gone, return_exceptions=True)

    async def _keep_reading(self) -> None:
        while True:
            await self._attempt()
            if self._gone.is_set():
                return
            self._around.look.set()
            await asyncio.sleep(self.trouble.delay if self.trouble else self._around.intervals.first_retry)

    async def _attempt(self) -> None:
        try:
            await self._read()
        except ClusterError as error:
            self._fail(error)
        except Exception as error:  # noqa: BLE001 - a defect met in one log must not end the others; it is told
            log.critical("k10stream source failed", pod=self._run.pod, error=repr(error))
            line = PODS.line("get", namespace=self._around.namespace, name=self._run.pod, subresource="log")
            self._fail(UnreachableError(line, f"a defect of this program: {type(error).__name__}"))
        finally:
            self.is_open = False

    async def _read(self) -> None:
        knowledge = self._reader.knowledge
        rewind = knowledge.rewind(self.position.revision) if self.position else None
        self._revision = knowledge.revision
        reading = next_reading(self.position, self._run, began=knowledge.standing.began, rewind=rewind)
        try:
            await self._follow(reading, self._run)
        except BadRequestError as error:
            if not reading.previous:
                raise
            lost = previous_lost(
                self.position, self._run, began=knowledge.standing.began, now=self._around.clock(), reason=error.message
            )
            await self._close(reading, [lost])

    async def _follow(self, reading: Reading, run: ContainerRun) -> None:
        around = self._around
        asked = LogRequest(
            namespace=around.namespace,
            pod=run.pod,
            container=AGGREGATED_APIS,
            since=reading.since,
            follow=not reading.previous,
            previous=reading.previous,
        )
        is_first, self._is_present = True, not reading.previous
        async with aclosing(log_lines(around.cluster, asked, silence=around.intervals.silence)) as groups:
            async for group in groups:
                self._opened()
                lines = [parse_line(raw) for raw in group]
                losses: list[Loss] = []
                first = next((line.time for line in lines if line.time is not None), None)
                if is_first and first is not None:
                    is_first = False
                    losses = self._losses(reading, run, first)
                    if self._may_be_late(reading, losses):
                        return
                seen = self._reader.read(lines, received=around.clock(), pods=around.pods())
                await self._take(seen, reading, losses)
                if self._revision != self._reader.knowledge.revision:
                    return  # read anew: these lines are understood now
        if reading.previous:
            await self._close(reading, self._losses(reading, run, None) if is_first else [])
            return
        self.is_complete = True
        self.trouble = Trouble("Unavailable", _ENDED, around.intervals.first_retry)

    def _losses(self, reading: Reading, run: ContainerRun, first: float | None) -> list[Loss]:
        now = self._around.clock()
        lost = [hole(reading, run, first_line=first, now=now)]
        if reading.previous:
            lost.append(lives_lost(self.position, run, first_line=first, now=now))
        return [each for each in lost if each is not None]

    def _may_be_late(self, reading: Reading, losses: list[Loss]) -> bool:
        """Whether a hole may be the log of a new container, of which the kubelet has not told yet."""
        now = self._around.clock()
        if reading.previous or not losses:
            self._hole_since = None
            return False
        self._hole_since = now if self._hole_since is None else self._hole_since
        is_late = now - self._hole_since < self._around.intervals.hole
        if not is_late:
            self._hole_since = None
        return is_late

    def _opened(self) -> None:
        if not self.is_open:
            self.is_open, self.is_complete = True, False
            self.trouble = None

    async def _take(self, seen: Seen, reading: Reading, losses: list[Loss]) -> None:
        self._failures = 0
        self._counts.update(seen.counts)
        self.is_heard = self.is_heard or (seen.is_heard and not reading.previous)
        self.last_event = seen.last_event if seen.last_event is not None else self.last_event
        if seen.complaint:
            log.warning("the node cannot serve a log", pod=self._run.pod, said=seen.complaint)
        if seen.last_time is None:
            return
        position = self._position(reading, seen.last_time)
        now = self._around.clock()
        if (
            seen.records
            or seen.gaps
            or losses
            or seen.is_proof
            or now - self._written > self._around.intervals.position
        ):
            await self._deliver(seen, losses, position)
        self.position = position

    async def _close(self, reading: Reading, losses: list[Loss]) -> None:
        """A life of the container is read to its end."""
        known = self.position
        time = self._around.clock() if known is None else known.time
        position = msgspec.structs.replace(self._position(reading, time), is_read_out=True)
        await self._deliver(Seen(), losses, position)
        self.position = position

    def _position(self, reading: Reading, time: float) -> Position:
        return Position(
            pod=self._run.pod, uid=self._run.uid, restarts=reading.restarts, time=time, revision=self._revision
        )

    async def _deliver(self, seen: Seen, losses: list[Loss], position: Position) -> None:
        """Commit; where that is broken off or fails, the position stays and what comes next is not complete."""
        batch = Batch(
            namespace=self._around.namespace,
            source=self._reader.source,
            records=seen.records,
            gaps=[
                *seen.gaps,
                *(
                    gap_of(
                        loss.stretch,
                        cluster=self._reader.cluster,
                        source=self._reader.source,
                        subject=self._run.pod,
                        reason=loss.reason,
                        message=loss.message,
                    )
                    for loss in losses
                ),
            ],
            position=position,
            standing=self._reader.knowledge.standing if seen.is_proof else None,
            bytes_read=seen.bytes_read,
        )
        self._is_delivering = True
        await put(self._around.intake, batch)
        self._is_delivering = False
        self._written = self._around.clock()
        self._counts["events"] -= batch.duplicates
        self._counts["duplicates"] += batch.duplicates

    def _fail(self, error: ClusterError) -> None:
        self._failures += 1
        before = self.trouble
        self.trouble = trouble(
            error,
            namespace=self._around.namespace,
            failures=self._failures,
            intervals=self._around.intervals,
            jitter=self._around.jitter(),
        )
        if before is None or before.state != self.trouble.state:
            log.warning("log not read", pod=self._run.pod, state=self.trouble.state, reason=str(error))


async def put(intake: Intake, delivery: Delivery) -> None:
    """Until it is on disk; a journal that is full or busy is waited for, which holds the log back."""
    while True:
        try:
            await intake.put(delivery)
        except JournalUnavailableError as error:
            log.warning("journal does not take what was read", reason=str(error))
            await asyncio.sleep(_JOURNAL_PAUSE_SECONDS)
        else:
            return
