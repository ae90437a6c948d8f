"""The engine's thread: starting, turning and stopping it, and the door to it from every other thread and loop."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import TypeVar

import structlog

from auditwatch.journal.delivery import Delivery
from auditwatch.journal.journal import Journal
from auditwatch.runtime.engine import Engine
from auditwatch.runtime.figures import EngineFigures
from auditwatch.runtime.inforce import RuleSetLike
from auditwatch.runtime.intake import QUEUE_BYTES, Mailbox
from auditwatch.runtime.lostjournal import note_loss
from auditwatch.runtime.matching import DetectorLike, LedgerLike, OnDirty
from auditwatch.runtime.reading import Reading
from auditwatch.runtime.settling import OwnRequests
from auditwatch.runtime.steadyclock import SteadyClock
from auditwatch.runtime.upkeep import proof_of_life

T = TypeVar("T")
log = structlog.get_logger()

IDLE_SECONDS = 1.0
"""The longest turn without mail, and the pause after an error."""
BATCH_DELIVERIES = 256
DRAIN_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Opened:
    """What is known once the journal is open. Times are seconds since the epoch."""

    journal_id: str
    journal_key: bytes
    is_new: bool
    """Whether this start began a new journal."""
    previous_alive: float | None
    """Last proof of life before this start; ``None`` with a new journal."""


class EngineThread:
    """``open_journal`` and ``new_ledger`` are called in the engine thread, and so is ``on_dirty`` (:data:`OnDirty`).

    So is ``ended``, where the thread ends by an error after the journal was opened.
    """

    def __init__(
        self,
        open_journal: Callable[[], Journal],
        detector: DetectorLike,
        new_ledger: Callable[[Journal], LedgerLike],
        *,
        cluster: str,
        clock: Callable[[], float],
        on_dirty: OnDirty,
        own: OwnRequests | None = None,
        reading: Reading | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        queue_bytes: int = QUEUE_BYTES,
        ended: Callable[[BaseException], None] | None = None,
    ) -> None:
        self._open_journal = open_journal
        self._detector = detector
        self._new_ledger = new_ledger
        self._cluster = cluster
        self._clock = SteadyClock(clock, monotonic)
        self._on_dirty = on_dirty
        self._own = own
        self._reading = reading
        self._ended = ended
        self._mailbox = Mailbox(limit_bytes=queue_bytes)
        self._opened: Future[Opened] = Future()
        self._engine: Engine | None = None
        self._stopping = threading.Event()
        self._drain_seconds = 0.0
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    def start(self) -> Opened:
        """Open the journal and begin to turn. Raises :class:`JournalError` where it cannot be opened."""
        self._thread.start()
        return self._opened.result()

    def stop(self, *, drain: bool = True, within: float = DRAIN_SECONDS) -> bool:
        """Take nothing more, finish what was taken (``drain``) for ``within`` seconds, and close the journal.

        Deliveries not committed by then get :class:`EngineStoppedError`. False where the thread hangs on the disk.
        """
        self._drain_seconds = within if drain else 0.0
        self._stopping.set()
        self._mailbox.close()
        self._thread.join(within + 2 * IDLE_SECONDS)
        return not self._thread.is_alive()

    async def put(self, delivery: Delivery) -> None:
        """See :class:`auditwatch.journal.delivery.Intake`; also raises :class:`EngineStoppedError`."""
        await asyncio.wrap_future(self.deliver(delivery))

    def deliver(self, delivery: Delivery) -> Future[None]:
        """:meth:`put` for threads without a loop: the future resolves after the commit."""
        return self._mailbox.put(delivery)

    def call(self, function: Callable[[Engine], T]) -> Future[T]:
        """Run a function in the engine thread, in one transaction; what it returns comes after the commit.

        Raises :class:`EngineStoppedError`; the future raises what the function raised, or :class:`JournalError`.
        """
        return self._post(lambda engine: _in_transaction(engine, function))

    def install_rule_set(self, rule_set: RuleSetLike) -> Future[None]:
        """See :meth:`Engine.install_rule_set`."""
        return self._post(lambda engine: engine.install_rule_set(rule_set))

    def read_with(self, reading: Reading) -> Future[None]:
        """See :meth:`Engine.read_with`."""
        return self._post(lambda engine: engine.read_with(reading))

    def remove_rule_set(self, watch: str) -> Future[None]:
        """See :meth:`Engine.remove_rule_set`."""
        return self._post(lambda engine: engine.remove_rule_set(watch))

    def enable_matching(self) -> Future[None]:
        """See :meth:`Engine.enable_matching`."""
        return self._post(Engine.enable_matching)

    def figures(self) -> EngineFigures:
        """What the engine last told of itself, and how full its queue is now."""
        told = self._engine.figures if self._engine else EngineFigures()
        queue = self._mailbox.figures()
        return replace(
            told,
            is_alive=self._thread.is_alive(),
            queue_bytes=queue.bytes,
            queue_deliveries=queue.deliveries,
            queue_waiting=queue.waiting,
        )

    def _post(self, function: Callable[[Engine], T]) -> Future[T]:
        return self._mailbox.call(lambda: function(self._running()))

    def _running(self) -> Engine:
        assert self._engine is not None
        return self._engine

    def _run(self) -> None:
        try:
            journal = self._open_journal()
            try:
                self._begin(journal)
                self._turn_until_stopped()
            finally:
                self._mailbox.abandon()
                journal.close()
        except Exception as error:  # noqa: BLE001 - a thread has no caller: its starter gets it, or the log and the probe
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        self._mailbox.abandon()
        if self._opened.done():
            log.critical("engine stopped, restart needed", error=f"{type(error).__name__}: {error}")
            log.debug("engine stopped, in detail", exc_info=error)
            if self._ended is not None:
                self._ended(error)
        else:
            self._opened.set_exception(error)

    def _begin(self, journal: Journal) -> None:
        opened = Opened(journal.id, journal.key, journal.created, proof_of_life(journal))
        note_loss(journal, cluster=self._cluster, now=self._clock())
        ledger = self._new_ledger(journal)
        self._engine = Engine(
            journal,
            self._detector,
            ledger,
            cluster=self._cluster,
            on_dirty=self._on_dirty,
            own=self._own,
            reading=self._reading,
        )
        self._opened.set_result(opened)

    def _turn_until_stopped(self) -> None:
        engine, has_more = self._running(), False
        while not self._stopping.is_set():
            has_more = self._turn(engine, 0.0 if has_more else IDLE_SECONDS)
        end = time.monotonic() + self._drain_seconds
        while time.monotonic() < end and self._turn(engine, 0.0):
            pass

    def _turn(self, engine: Engine, timeout: float) -> bool:
        mail = self._mailbox.take(timeout=timeout, most=BATCH_DELIVERIES)
        return engine.turn(mail, now=self._clock()) or bool(mail.deliveries)


def _in_transaction(engine: Engine, function: Callable[[Engine], T]) -> T:
    with engine.journal.transaction():
        return function(engine)
