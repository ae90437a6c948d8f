"""A thread that commits deliveries to a real journal, as the engine's does, and does nothing else."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import msgspec

from auditwatch.events.activity import Gap
from auditwatch.events.audit import AuditRecord
from auditwatch.journal.delivery import Delivery
from auditwatch.journal.journal import Journal
from auditwatch.runtime.committing import commit
from auditwatch.runtime.intake import Mailbox

_Row = AuditRecord | Gap


def open_journal(path: Path, *, limit_bytes: int = 1 << 30) -> Journal:
    return Journal.open(path, clock=time.time, new_id=lambda: "j", new_key=lambda: b"k", limit_bytes=limit_bytes)


class Committer:
    """``deliver`` from any thread; ``stop`` before looking into the journal with :meth:`rows`."""

    def __init__(self, path: Path, *, limit_bytes: int = 1 << 30) -> None:
        self.path = path
        self.mailbox = Mailbox()
        self._limit_bytes = limit_bytes
        self._stop = threading.Event()
        self._calls: list[Callable[[Journal], None]] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def deliver(self, delivery: Delivery) -> Future[None]:
        return self.mailbox.put(delivery)

    def stop(self) -> None:
        self._stop.set()
        self.mailbox.close()
        self._thread.join()

    def _run(self) -> None:
        journal = open_journal(self.path, limit_bytes=self._limit_bytes)
        while not self._stop.is_set():
            commit(journal, self.mailbox.take(timeout=0.1, most=256).deliveries)
        self.mailbox.abandon()
        journal.close()


def rows(path: Path) -> list[AuditRecord | Gap]:
    """Everything in the inbox of a journal nobody holds."""
    journal = open_journal(path)
    try:
        return [msgspec.json.decode(row.payload, type=_Row) for row in journal.unsettled(limit=1_000_000)]
    finally:
        journal.close()


def records(path: Path) -> list[AuditRecord]:
    return [row for row in rows(path) if isinstance(row, AuditRecord)]


def gaps(path: Path) -> list[Gap]:
    return [row for row in rows(path) if isinstance(row, Gap)]


def numbers(path: Path) -> list[str]:
    """Of the test's events, in the order in which they were committed."""
    return [record.event.request_uri.rpartition("/")[2] for record in records(path)]
