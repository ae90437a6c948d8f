"""A publisher between a real journal, in its engine thread, and an API server of a few lines."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from auditwatch.cluster.client import Cluster
from auditwatch.cluster.findings import FindingStore
from auditwatch.detection.detector import Detector
from auditwatch.detection.signal import Signal
from auditwatch.findings.ledger import Ledger
from auditwatch.findings.policy import FindingPolicy
from auditwatch.findings.schedule import Schedule
from auditwatch.findings.state import FindingState
from auditwatch.journal.journal import Journal
from auditwatch.outputs.events.recorder import EventRecorder
from auditwatch.runtime.enginethread import EngineThread
from auditwatch.runtime.publishing import Publisher
from auditwatch.runtime.publishing_memory import SPACE, configure
from auditwatch.runtime.reading import Reading
from auditwatch.runtime.tally import ledger_of
from tests.unit.findings.making import WATCH

SECONDS = 120.0
"""How long anything may take before a test gives up."""
NAMESPACE = "k10-auditwatch"


class Bench:
    """One life of the program. ``apply`` is what detection would have done."""

    def __init__(self, engine: EngineThread, publisher: Publisher, recorder: EventRecorder) -> None:
        self.engine = engine
        self.publisher = publisher
        self.recorder = recorder
        self.stopping = asyncio.Event()

    async def apply(self, *signals: Signal) -> None:
        """Count signals into findings, as of one commit."""
        await asyncio.wrap_future(self.engine.call(lambda engine: engine.ledger.apply(signals)))

    async def configure(self, policy: FindingPolicy) -> None:
        """The watch says another thing about its findings."""
        await asyncio.wrap_future(self.engine.call(lambda engine: configure(engine, WATCH, policy)))

    async def end(self) -> None:
        """The watch is deleted."""
        await asyncio.wrap_future(self.engine.call(lambda engine: ledger_of(engine).end(WATCH)))

    async def states(self) -> list[FindingState]:
        """What the ledger holds."""
        return await asyncio.wrap_future(self.engine.call(_states))

    async def saved(self) -> set[str]:
        """Keys of the findings of which the journal says that they were published."""
        return await asyncio.wrap_future(self.engine.call(lambda engine: set(dict(engine.journal.snapshots(SPACE)))))

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait for something to be true of the server."""
        async with asyncio.timeout(SECONDS):
            while not holds():  # noqa: ASYNC110 - a server of a few lines has no event to wait on
                await asyncio.sleep(0.01)


def _states(engine: Any) -> list[FindingState]:
    return list(engine.ledger.states())


@contextmanager
def engine_on(path: Path, notify: Callable[..., None], *, journal_id: str = "journal-a") -> Iterator[EngineThread]:
    """An engine thread on the journal at ``path``; ``journal_id`` counts only where the file is new."""
    engine = EngineThread(
        lambda: Journal.open(path, clock=time.time, new_id=lambda: journal_id, new_key=lambda: b"k" * 32),
        Detector(),
        lambda journal: Ledger(journal_id=journal.id, cluster="prod"),
        cluster="prod",
        clock=time.time,
        reading=Reading(),
        on_dirty=notify,
    )
    engine.start()
    try:
        yield engine
    finally:
        engine.stop()


@asynccontextmanager
async def publishing(
    cluster: Cluster,
    journal: Path,
    *,
    journal_id: str = "journal-a",
    cadence: float = 0.05,
    list_seconds: float = 0.05,
    policy: FindingPolicy | None = None,
    drain_seconds: float = SECONDS,
    is_started: bool = True,
) -> AsyncIterator[Bench]:
    """A whole life: start, publish, drain, stop."""
    recorder = EventRecorder(cluster, instance="auditwatch-0")
    publisher = Publisher(
        FindingStore(cluster),
        recorder,
        namespaces=lambda: [NAMESPACE],
        schedule=Schedule(cadence=cadence),
        list_seconds=list_seconds,
    )
    with engine_on(journal, publisher.notify, journal_id=journal_id) as engine:
        bench = Bench(engine, publisher, recorder)
        chosen = policy or FindingPolicy()
        await asyncio.wrap_future(engine.call(lambda inner: ledger_of(inner).configure(WATCH, chosen)))
        if not is_started:
            yield bench
            return
        await publisher.start(engine)
        running = asyncio.create_task(publisher.run(engine, bench.stopping, drain_seconds=drain_seconds))
        try:
            yield bench
        finally:
            bench.stopping.set()
            await running
