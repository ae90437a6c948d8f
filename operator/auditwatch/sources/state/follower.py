"""Follows one stream for as long as the program runs: awaits what ``course.py`` decides, decides nothing itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import partial

import structlog

from auditwatch.cluster.access import require
from auditwatch.cluster.client import Cluster
from auditwatch.cluster.errors import ClusterError, ForbiddenError, NotFoundError, UnreachableError
from auditwatch.cluster.framing import Page
from auditwatch.cluster.requests import Resource
from auditwatch.events.redaction import Redactor
from auditwatch.journal.delivery import Delivery, Intake
from auditwatch.journal.errors import JournalUnavailableError
from auditwatch.sources.state.course import (
    Course,
    Intervals,
    Step,
    absent,
    accepted,
    begin,
    failed,
    listed,
    resumable_version,
    watched,
)
from auditwatch.sources.state.deliveries import ListingEnd, ListingPage, Recall, WatchedBatch
from auditwatch.sources.state.events import read_lines
from auditwatch.sources.state.gathering import gathered
from auditwatch.sources.state.observation import Observation, UnreadableError, observe
from auditwatch.sources.state.outages import Outages, Unanswered
from auditwatch.sources.state.report import KindReport
from auditwatch.sources.state.streams import WATCH_SECONDS, Stream

log = structlog.get_logger()
_JOURNAL_PAUSE_SECONDS = 2.0
_NAMESPACES = Resource("", "v1", "namespaces")


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What all followers share."""

    cluster: Cluster
    intake: Intake
    redactor: Redactor
    clock: Callable[[], float]
    """Seconds since the epoch."""
    jitter: Callable[[], float]
    """0 to 1."""
    listings: asyncio.Semaphore
    """Bounds how many lists are read, and held in memory, at once."""
    intervals: Intervals = field(default_factory=Intervals)


class Follower:
    """One stream."""

    def __init__(self, stream: Stream, around: Surroundings) -> None:
        self._stream = stream
        self._around = around
        self._observe = partial(observe, stream.kind, around.redactor)
        self._course = Course(step=Step.LIST)
        self._version = ""
        self._listing = 0
        self._alive: float | None = None
        self._objects = 0
        self._unreadable = 0
        self._outages = Outages()
        self._may_be_refused = bool(stream.namespace)

    def report(self, *, now: float) -> KindReport:
        """How it stands; ``now`` is seconds since the epoch."""
        kind = self._stream.kind
        return KindReport(
            kind=kind.key,
            group=kind.group,
            resource=kind.resource,
            namespace=self._stream.namespace,
            state=self._course.state,
            message=self._course.message,
            last_proof_of_life=self._alive,
            objects=self._objects,
            unreadable=self._unreadable,
            lag=None if self._alive is None else max(now - self._alive, 0.0),
        )

    async def run(self) -> None:
        """Follow the stream until cancelled."""
        await self._recall()
        while True:
            await asyncio.sleep(self._course.delay)
            try:
                await self._turn()
            except ClusterError as error:
                self._fail(error)
            except Exception as error:  # noqa: BLE001 - a defect met in one kind must not end all others; it is told
                log.critical("state source failed", kind=self._stream.key, error=repr(error))
                line = self._stream.resource.line("watch", namespace=self._stream.namespace)
                self._fail(UnreachableError(line, f"a defect of this program: {type(error).__name__}"), is_ours=True)
            await self._tell_outages()

    async def _turn(self) -> None:
        try:
            await self._ask()
            await (self._list() if self._course.step is Step.LIST else self._watch())
        except ForbiddenError as error:
            self._may_be_refused = bool(self._stream.namespace)
            await self._refused(error)

    async def _ask(self) -> None:
        """Where a role may be missing by choice, ask before trying: whoever reads the audit log meets no refusals."""
        if self._may_be_refused:
            rights = (self._stream.resource.line(verb, namespace=self._stream.namespace) for verb in ("list", "watch"))
            await require(self._around.cluster, *rights)
            self._may_be_refused = False

    async def _recall(self) -> None:
        recall = Recall(stream=self._stream)
        await self._put(recall)
        self._version, self._objects = recall.mark.version, recall.objects
        self._listing = recall.mark.started
        self._alive = recall.mark.observed or None
        self._course = begin(recall.mark)

    async def _list(self) -> None:
        self._listing += 1
        async with self._around.listings:
            began = self._around.clock()
            first = await self._pages()
        await self._end(first, began=began)
        self._course = listed(self._course, self._around.intervals)

    async def _end(self, first: _FirstPage, *, began: float) -> None:
        end = ListingEnd(
            stream=self._stream,
            number=self._listing,
            began=began,
            observed=first.observed,
            version=first.version if self._course.watchable else "",
            lost=self._course.lost,
            patience=self._around.intervals.silence,
        )
        await self._put(end)
        await self._answered()
        self._version, self._objects, self._alive = end.version, end.objects, began

    async def _refused(self, error: ForbiddenError) -> None:
        """A namespace that is not there can hold no role for us: then nothing is hidden, there is nothing."""
        if not await self._is_absent():
            self._fail(error)
        elif self._course.step is Step.WATCH:  # what was there is told as gone by a list
            self._course = replace(absent(self._around.intervals), delay=0.0)
        else:
            await self._end(_FirstPage(self._around.clock(), ""), began=self._around.clock())
            self._course = absent(self._around.intervals)

    async def _is_absent(self) -> bool:
        if not self._stream.namespace:
            return False
        try:
            await self._around.cluster.get(_NAMESPACES, self._stream.namespace)
        except NotFoundError:
            return True
        except ClusterError:
            pass  # nobody can say: then the refusal counts
        return False

    async def _pages(self) -> _FirstPage:
        first: _FirstPage | None = None
        pages = self._around.cluster.list_pages(self._stream.resource, namespace=self._stream.namespace)
        async with aclosing(pages):
            async for page in pages:
                observed = self._around.clock()
                first = first or _FirstPage(observed, resumable_version(page.resource_version))
                seen = self._observations(page)
                await self._put(
                    ListingPage(stream=self._stream, number=self._listing, observed=observed, observations=seen)
                )
        assert first is not None  # a list has a page, if an empty one
        return first

    def _observations(self, page: Page) -> list[Observation]:
        seen = []
        for item in page.items:
            try:
                seen.append(self._observe(item))
            except UnreadableError as error:
                self._skip(str(error))
        return seen

    async def _watch(self) -> None:
        start = asyncio.get_running_loop().time()
        lines = self._around.cluster.watch(
            self._stream.resource,
            resource_version=self._version,
            namespace=self._stream.namespace,
            timeout_seconds=WATCH_SECONDS,
        )
        async with aclosing(lines), aclosing(gathered(lines)) as groups:
            async for group in groups:
                self._course = accepted(self._course)
                if group:
                    await self._take(group)
                await self._answered()
        await self._take([])  # it ended in order: nothing was missed up to here
        seconds = asyncio.get_running_loop().time() - start
        self._course = watched(self._course, self._around.intervals, seconds=seconds, is_resumable=bool(self._version))

    async def _take(self, lines: list[bytes]) -> None:
        observed = self._around.clock()
        reading = read_lines(lines, self._observe)
        for problem in reading.unreadable:
            self._skip(problem)
        batch = WatchedBatch(stream=self._stream, events=reading.events, version=reading.version, observed=observed)
        await self._put(batch)
        self._version = reading.version or self._version
        self._objects += batch.added
        self._alive = observed
        self._course = replace(self._course, failures=0)

    async def _answered(self) -> None:
        self._outages.answered()
        await self._tell_outages()

    async def _tell_outages(self) -> None:
        for outage in self._outages.take():
            await self._put(Unanswered(stream=self._stream, outage=outage))

    def _fail(self, error: ClusterError, *, is_ours: bool = False) -> None:
        """``is_ours``: it was our doing, and says nothing of the server."""
        if is_ours:
            self._outages.answered()
        else:
            self._outages.failed(error, self._around.clock())
        before = self._course.state
        self._course = failed(
            self._course, error, self._around.intervals, jitter=self._around.jitter(), is_resumable=bool(self._version)
        )
        if self._course.state != before:
            log.warning("kind not seen", kind=self._stream.key, state=self._course.state, reason=str(error))

    def _skip(self, problem: str) -> None:
        self._unreadable += 1
        log.error("object unreadable", kind=self._stream.key, problem=problem)

    async def _put(self, delivery: Delivery) -> None:
        """Until it is on disk; a journal that is full or busy is waited for, which holds the stream back."""
        while True:
            try:
                await self._around.intake.put(delivery)
            except JournalUnavailableError as error:
                log.warning("journal does not take what was seen", kind=self._stream.key, reason=str(error))
                await asyncio.sleep(_JOURNAL_PAUSE_SECONDS)
            else:
                return


@dataclass(frozen=True, slots=True)
class _FirstPage:
    observed: float
    version: str
