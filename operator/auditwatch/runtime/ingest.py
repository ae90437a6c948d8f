"""The ingest loop: sources run here, in a thread and a loop of their own, so that a long list never delays the Lease.

It lives as long as the operator; when K10 is found, moved or gone, its state source is replaced, and goes on from the
marks in the journal.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from auditwatch.cluster.client import Cluster
from auditwatch.events.redaction import Redactor
from auditwatch.journal.delivery import Intake
from auditwatch.k10.identity import K10Instance
from auditwatch.sources.state.course import Intervals
from auditwatch.sources.state.report import KindReport
from auditwatch.sources.state.source import StateSource
from auditwatch.sources.state.streams import streams_of

STOP_SECONDS = 1.0
log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestPlan:
    """What sources are made of."""

    kubeconfig: Path | None
    context: str | None
    cluster_name: str
    journal_key: bytes
    poll_seconds: float


class IngestThread:
    """``start``, ``follow`` the K10s there are, ``stop``; ``ended`` is called if it ends by itself."""

    def __init__(self, plan: IngestPlan, intake: Intake, *, ended: Callable[[BaseException | None], None]) -> None:
        self._plan = plan
        self._intake = intake
        self._ended = ended
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="ingest", daemon=True)
        self._source: StateSource | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self.instances: tuple[K10Instance, ...] = ()
        """The K10s that are followed."""

    def start(self, instances: Sequence[K10Instance]) -> None:
        """Start the thread and follow what there is to follow."""
        self._thread.start()
        self.follow(instances)

    def follow(self, instances: Sequence[K10Instance]) -> None:
        """Follow these K10s instead of the former ones."""
        self._soon(self._replace(tuple(instances)))

    def report(self) -> list[KindReport]:
        """One report per stream; empty before the first source runs."""
        return self._source.report() if self._source else []

    @property
    def alive(self) -> bool:
        """Whether the thread still runs."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """End the sources; what they have not handed over is seen again after the next start."""
        self._stopping = True
        if self._thread.is_alive():
            self._soon(self._finish())
            self._thread.join(STOP_SECONDS)

    def _soon(self, work: Coroutine[None, None, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        self._loop.close()

    async def _replace(self, instances: tuple[K10Instance, ...]) -> None:
        await self._cancel()
        self.instances = instances
        self._task = asyncio.create_task(self._follow(instances), name="state")
        self._task.add_done_callback(self._note_end)

    async def _follow(self, instances: tuple[K10Instance, ...]) -> None:
        plan = self._plan
        async with await Cluster.connect(kubeconfig=plan.kubeconfig, context=plan.context) as cluster:
            self._source = StateSource(
                cluster=cluster,
                intake=self._intake,
                redactor=Redactor(plan.journal_key),
                streams=streams_of(plan.cluster_name, instances),
                clock=time.time,
                jitter=random.random,
                intervals=Intervals(poll=plan.poll_seconds, silence=2 * plan.poll_seconds),
            )
            log.info("following", k10s=[instance.namespace for instance in instances])
            await self._source.run()

    async def _cancel(self) -> None:
        if self._task is not None:
            task, self._task = self._task, None
            task.remove_done_callback(self._note_end)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _finish(self) -> None:
        await self._cancel()
        self._loop.stop()

    def _note_end(self, task: asyncio.Task[None]) -> None:
        if not self._stopping and not task.cancelled():
            self._ended(task.exception())
