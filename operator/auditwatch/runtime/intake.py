"""The engine thread's letter box: deliveries and calls from any thread or loop, bounded in bytes.

Nothing here touches the journal. Whoever puts something in holds a future, and the engine answers every one of them.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from auditwatch.journal.delivery import Delivery

QUEUE_BYTES = 32 << 20
GATHER_SECONDS = 0.020
"""The longest a delivery waits for company before it is committed."""
QUIET_SECONDS = 0.002
"""No company for this long: none is coming."""


class EngineStoppedError(Exception):
    """The engine takes nothing more: the program is stopping. Nothing was recorded."""

    def __init__(self) -> None:
        super().__init__("the engine has stopped; what was offered was not recorded and will be seen again")


@dataclass(slots=True, eq=False)
class Pending:
    """A delivery and who waits for it."""

    delivery: Delivery
    size: int
    done: Future[None] = field(default_factory=Future)


@dataclass(slots=True, eq=False)
class Call:
    """A function to run in the engine thread, and who waits for what it returns."""

    function: Callable[[], Any]
    done: Future[Any] = field(default_factory=Future)

    def run(self) -> None:
        """Run it and answer; what it raises goes to who waits."""
        if not self.done.set_running_or_notify_cancel():
            return
        try:
            result = self.function()
        except Exception as error:  # noqa: BLE001 - it belongs to whoever waits for the result
            self.done.set_exception(error)
        else:
            self.done.set_result(result)


@dataclass(frozen=True, slots=True)
class Mail:
    """What one visit to the box found."""

    deliveries: list[Pending]
    calls: list[Call]


@dataclass(frozen=True, slots=True)
class QueueFigures:
    """How full the box is."""

    bytes: int
    deliveries: int
    waiting: int
    """Deliveries that found no room and wait outside the bound, in order."""


class Mailbox:
    """First come, first served. A delivery above the bound on its own is let in alone.

    One that is given up before it was taken is let go: whoever gave it up was told that nothing was recorded. What is
    taken cannot be given up any more.
    """

    def __init__(self, *, limit_bytes: int = QUEUE_BYTES, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._limit_bytes = limit_bytes
        self._monotonic = monotonic
        self._changed = threading.Condition()
        self._admitted: deque[Pending] = deque()
        self._waiting: deque[Pending] = deque()
        self._calls: deque[Call] = deque()
        self._bytes = 0
        self._is_closed = False
        self._is_abandoned = False

    def put(self, delivery: Delivery) -> Future[None]:
        """Queue a delivery; the future resolves after its commit. Raises :class:`EngineStoppedError`."""
        pending = Pending(delivery, max(1, delivery.size))
        with self._changed:
            if self._is_closed:
                raise EngineStoppedError
            self._waiting.append(pending)
            self._admit()
            self._changed.notify_all()
        pending.done.add_done_callback(self._let_go)
        return pending.done

    def call(self, function: Callable[[], Any]) -> Future[Any]:
        """Queue a call; it runs before any delivery taken with it. Raises :class:`EngineStoppedError`."""
        call = Call(function)
        with self._changed:
            if self._is_abandoned:
                raise EngineStoppedError
            self._calls.append(call)
            self._changed.notify_all()
        return call.done

    def take(self, *, timeout: float, most: int) -> Mail:
        """Wait up to ``timeout`` seconds for mail, gather deliveries a little longer, hand over at most ``most``."""
        with self._changed:
            if timeout > 0:
                self._changed.wait_for(self._has_mail, timeout)
            if self._admitted:
                self._gather(most)
            deliveries = [self._next() for _ in range(min(most, len(self._admitted)))]
            calls = list(self._calls)
            self._calls.clear()
            self._admit()
        return Mail(deliveries, calls)

    def close(self) -> None:
        """Take no more deliveries; what is inside is still handed over."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def abandon(self) -> None:
        """Take nothing more and tell everyone who still waits."""
        with self._changed:
            self._is_closed = self._is_abandoned = True
            left: list[Pending | Call] = [*self._admitted, *self._waiting, *self._calls]
            self._admitted.clear()
            self._waiting.clear()
            self._calls.clear()
            self._bytes = 0
        for item in left:
            if item.done.set_running_or_notify_cancel():
                item.done.set_exception(EngineStoppedError())

    def figures(self) -> QueueFigures:
        """How full it is now."""
        with self._changed:
            return QueueFigures(self._bytes, len(self._admitted), len(self._waiting))

    def _has_mail(self) -> bool:
        return bool(self._admitted or self._calls or self._is_closed)

    def _gather(self, most: int) -> None:
        end = self._monotonic() + GATHER_SECONDS
        while len(self._admitted) < most and not (self._waiting or self._calls or self._is_closed):
            before, left = len(self._admitted), end - self._monotonic()
            if left <= 0:
                return
            self._changed.wait(min(QUIET_SECONDS, left))
            if len(self._admitted) == before:
                return

    def _let_go(self, done: Future[None]) -> None:
        if not done.cancelled():
            return
        with self._changed:
            self._bytes -= sum(pending.size for pending in self._admitted if pending.done is done)
            self._admitted = deque(pending for pending in self._admitted if pending.done is not done)
            self._waiting = deque(pending for pending in self._waiting if pending.done is not done)
            self._admit()
            self._changed.notify_all()

    def _next(self) -> Pending:
        pending = self._admitted.popleft()
        self._bytes -= pending.size
        return pending

    def _admit(self) -> None:
        while self._waiting and (not self._bytes or self._bytes + self._waiting[0].size <= self._limit_bytes):
            pending = self._waiting.popleft()
            self._bytes += pending.size
            self._admitted.append(pending)
