"""The process that test_killed_reader.py kills: a real source on a real log and a real journal."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from multiprocessing.connection import Connection
from pathlib import Path

from auditwatch.events.needles import Needles
from auditwatch.events.redaction import Redactor
from auditwatch.journal.delivery import Delivery
from auditwatch.sources.file.habits import Habits
from auditwatch.sources.file.source import FilePlan, FileSource
from tests.unit.sources.file.committing import Committer


def work(path: Path, journal: Path, told: Connection) -> None:
    """Read until killed, and tell each delivery before and after it is queued, so that a kill can fall anywhere."""
    committer = Committer(journal)

    def deliver(delivery: Delivery) -> Future[None]:
        told.send_bytes(b"read")
        done = committer.deliver(delivery)
        done.add_done_callback(lambda _: told.send_bytes(b"committed"))
        return done

    source = FileSource(
        FilePlan(
            name="audit-log",
            cluster="c",
            instance="n",
            path=path,
            habits=Habits(start="Beginning", budget=16 << 10, grace=0.1, look=0.01, longest_pause=0.02),
        ),
        deliver=deliver,
        redactor=Redactor(b"k"),
        needles=lambda: Needles.of([], reads_everything=True),
        clock=time.time,
        monotonic=time.monotonic,
        ended=lambda error: told.send_bytes(repr(error).encode()),
    )
    source.start()
    threading.Event().wait()
