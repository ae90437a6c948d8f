"""Findings on their way to the API server: from the engine thread's commits to objects, paced, and losing nothing.

The engine tells which incidents changed, the board (``findings/board.py``) decides which is written next, and here it
is done. What is not written yet is what the journal says was not published: an outage or a crash needs no other memory.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import structlog

from auditwatch.api.finding import Label
from auditwatch.cluster.errors import (
    ApiError,
    ClusterError,
    TooManyRequestsError,
    UnauthorizedError,
    UnavailableError,
    UnreachableError,
)
from auditwatch.cluster.findings import CONCURRENCY, FindingStore
from auditwatch.findings import rendering
from auditwatch.findings.board import Board, key_of
from auditwatch.findings.lifecycle import Lifecycle
from auditwatch.findings.published import Known
from auditwatch.findings.refusals import Refused
from auditwatch.findings.schedule import Schedule
from auditwatch.findings.state import FindingState
from auditwatch.outputs.events.recorder import EventRecorder
from auditwatch.runtime.metrics import Writes
from auditwatch.runtime.publishing_memory import EngineDoor, Memory
from auditwatch.runtime.unwritable import refusal_text

LIST_SECONDS: Final = 30.0
DRAIN_SECONDS: Final = 2.0
_OUTAGES: Final = (UnreachableError, UnavailableError, UnauthorizedError, TooManyRequestsError)

StatusWrite = Callable[[str, str, Mapping[str, Any]], Awaitable[dict[str, Any] | None]]
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Backlog:
    """For the condition Backlogged and for metrics."""

    findings: int
    """Not yet written as they are."""
    waiting_seconds: float
    """How long the oldest of them has waited; 0 where none waits."""


class Publisher:
    """Belongs to the main loop, except :meth:`notify`, which the engine thread calls.

    ``namespaces`` are those that may hold findings: they are listed every ``list_seconds`` for people's triage.
    """

    def __init__(
        self,
        store: FindingStore,
        recorder: EventRecorder,
        *,
        namespaces: Callable[[], Collection[str]],
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        schedule: Schedule | None = None,
        list_seconds: float = LIST_SECONDS,
    ) -> None:
        self._store = store
        self._recorder = recorder
        self._namespaces = namespaces
        self._clock = clock
        self._monotonic = monotonic
        self._list_seconds = list_seconds
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._progress = asyncio.Event()
        self._board = Board(schedule or Schedule())
        self._memory = Memory(self._board)
        self._complaints: set[str] = set()
        self.written = 0
        """Objects created or brought up to date since the start."""
        self.rewritten = 0
        """How often what stood there was somebody else's, since the start."""

    def notify(self, _sequence: int, rows: Mapping[str, bytes | None]) -> None:
        """Take the engine's word that these findings changed (:data:`auditwatch.runtime.matching.OnDirty`)."""
        # A closed loop means that the program is ending: the journal has the rows, the next start publishes them.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._take_rows, dict(rows))

    async def start(self, engine: EngineDoor) -> None:
        """Continue what an earlier journal left at the API server, and take up what was not published.

        Call it before matching is enabled. Raises :class:`ClusterError` and :class:`JournalError`.
        """
        existing = [finding for namespace in self._namespaces() for finding in await self._list(namespace)]
        await self._memory.adopt(engine, existing)
        await self._memory.load(engine, now=self._clock(), moment=self._monotonic())
        for finding in existing:
            self._see(finding)

    def backlog(self) -> Backlog:
        """How much waits to be written, and for how long; what is refused is told apart."""
        since = self._board.waiting_since()
        waiting = 0.0 if since is None else max(0.0, self._monotonic() - since)
        return Backlog(self._board.backlog(), waiting)

    def refused(self, watch: str) -> Refused:
        """What the API server refuses of one watch."""
        return self._board.refusals.of(watch, moment=self._monotonic())

    def refused_counts(self) -> Mapping[str, int]:
        """How many findings of each watch are refused."""
        return self._board.refusals.counts()

    def writes(self) -> Writes:
        """What was written since the start."""
        return Writes(
            findings=self.written,
            rewritten=self.rewritten,
            events_sent=self._recorder.sent,
            events_dropped=self._recorder.dropped,
        )

    async def run(self, engine: EngineDoor, stopping: asyncio.Event, *, drain_seconds: float = DRAIN_SECONDS) -> None:
        """Publish until ``stopping`` is set, then write what can be written within ``drain_seconds``.

        Raises whatever ends one of its tasks: publishing that has stopped must not go unnoticed.
        """
        tasks = [
            asyncio.create_task(self._dispatch(), name="findings"),
            asyncio.create_task(self._follow_triage(), name="triage"),
            asyncio.create_task(self._memory.save_regularly(engine, clock=self._clock), name="published"),
            asyncio.create_task(self._recorder.run(), name="events"),
        ]
        try:
            await _until(stopping, tasks)
            await self._memory.hear_out(engine)
            self._board.schedule.hurry()
            self._wake.set()
            await self._drain(drain_seconds)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._memory.save(engine)

    async def _dispatch(self) -> None:
        """Hand what is due to at most eight writers."""
        running: set[asyncio.Task[None]] = set()
        async with asyncio.TaskGroup() as writers:
            while True:
                self._wake.clear()
                is_free = len(running) < CONCURRENCY
                key = self._board.schedule.take(self._monotonic()) if is_free else None
                if key is None:
                    await self._sleep(self._board.schedule.wait(self._monotonic()) if is_free else 60.0)
                    continue
                task = writers.create_task(self._publish(key))
                running.add(task)
                task.add_done_callback(running.discard)

    async def _sleep(self, seconds: float) -> None:
        # Not wait_for: before Python 3.12 it swallows a cancellation that comes just after the event was set.
        with suppress(TimeoutError):
            async with asyncio.timeout(min(60.0, max(0.01, seconds))):
                await self._wake.wait()

    async def _drain(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not self._board.schedule.is_idle():
                    self._progress.clear()
                    await self._progress.wait()
        if left := self._board.schedule.backlog():
            log.info("findings wait for the next start", findings=left)

    async def _publish(self, key: str) -> None:
        state = self._board.state(key)
        if state is None:
            return
        try:
            known = await self._write(state)
        except ClusterError as error:
            self._postpone(state, error)
        except Exception as error:  # noqa: BLE001 - a defect that one finding meets must not keep the others back
            log.warning("finding not written, will be tried again", finding=state.name, error=repr(error))
            self._board.refused(key, refusal_text(error, namespace=state.namespace), moment=self._monotonic())
        else:
            self._settle(state, known)
        self._wake.set()
        self._progress.set()

    async def _write(self, state: FindingState) -> Known | None:
        """Bring one object up to date; ``None`` where it vanished meanwhile and must be made again."""
        key, known = state.key, self._board.known(state.key)
        if known is None:
            created = await self._store.create(rendering.manifest(state))
            if created is None:
                return None
            known = self._board.observe(key, created)
        lifecycle = self._board.lifecycle(state, known, now=self._clock())
        answer = await self._writing(state)(state.namespace, state.name, rendering.status(state, lifecycle))
        if answer is None:
            self._board.vanished(key)
            return None
        known = self._board.wrote(key, lifecycle, answer)
        if known.severity_label != state.severity:
            labels = {Label.SEVERITY.value: state.severity}
            answer = await self._store.write_labels(state.namespace, state.name, labels)
        return self._board.wrote(key, lifecycle, answer) if answer is not None else known

    def _writing(self, state: FindingState) -> StatusWrite:
        """How to write it: where somebody else wrote into it, nothing of theirs stays."""
        if not self._board.is_rewritten(state.key):
            return self._store.write_status
        self.rewritten += 1
        log.warning("a finding was rewritten by somebody else, and is written anew", finding=state.key)
        return self._store.replace_status

    def _settle(self, state: FindingState, known: Known | None) -> None:
        now, moment = self._clock(), self._monotonic()
        if known is None:
            self._board.schedule.failed(state.key, moment, creates=True)
            return
        self.written += 1
        self._complaints.clear()
        self._board.settle(state.key, state.revision, now=now, moment=moment)
        self._recorder.offer(state, uid=known.uid)

    def _postpone(self, state: FindingState, error: ClusterError) -> None:
        """Back to the queue; where it is not this finding's fault, everything waits."""
        self._complain(f"{type(error).__name__} {state.namespace}", error)
        moment = self._monotonic()
        if isinstance(error, _OUTAGES):
            retry_after = error.retry_after if isinstance(error, ApiError) else None
            creates = self._board.known(state.key) is None
            self._board.schedule.unavailable(state.key, moment, creates=creates, retry_after=retry_after)
        else:
            self._board.refused(state.key, refusal_text(error, namespace=state.namespace), moment=moment)

    def _complain(self, kind: str, error: Exception) -> None:
        """Once per kind of trouble, until something is written again."""
        if kind not in self._complaints:
            self._complaints.add(kind)
            told = str(error) if isinstance(error, ClusterError) else repr(error)
            log.warning("findings cannot be written and wait", error=told)

    async def _follow_triage(self) -> None:
        """Look at people's triage, for ever."""
        while True:
            await asyncio.sleep(self._list_seconds)
            for namespace in self._namespaces():
                await self._look_at(namespace)
            self._wake.set()

    async def _look_at(self, namespace: str) -> None:
        try:
            for finding in await self._list(namespace):
                await self._follow_one(finding)
        except ClusterError as error:
            self._complain(f"triage {type(error).__name__} {namespace}", error)

    async def _follow_one(self, finding: Mapping[str, Any]) -> None:
        lifecycle = self._see(finding)
        if lifecycle is not None:
            where, _, name = key_of(finding).partition("/")
            await self._store.write_status(where, name, rendering.lifecycle_body(lifecycle))

    def _see(self, finding: Mapping[str, Any]) -> Lifecycle | None:
        """The lifecycle to write into a finding the ledger has let go of; what people write there may be anything."""
        try:
            return self._board.look(finding, now=self._clock(), moment=self._monotonic())
        except Exception as error:  # noqa: BLE001 - one finding nobody can read must not end publishing
            self._complain(f"triage {key_of(finding)}", error)
            return None

    async def _list(self, namespace: str) -> list[dict[str, Any]]:
        return await self._store.list(namespace, managed_by=rendering.MANAGED_BY)

    def _take_rows(self, rows: Mapping[str, bytes | None]) -> None:
        self._board.take_rows(rows, now=self._clock(), moment=self._monotonic())
        for key in (key for key, row in rows.items() if row is None):
            self._recorder.forget(key)
        self._wake.set()


async def _until(stopping: asyncio.Event, tasks: list[asyncio.Task[None]]) -> None:
    """Wait for the wish to stop; a task that ends by itself has failed, and its error is raised."""
    stop = asyncio.create_task(stopping.wait())
    try:
        done, _ = await asyncio.wait([stop, *tasks], return_when=asyncio.FIRST_COMPLETED)
    finally:
        stop.cancel()
    for task in done:
        task.result()
