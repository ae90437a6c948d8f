"""R31: kill -9 of the reader at any moment while the log is written, rotated, compressed and pruned: nothing is lost
and nothing is there twice. R32 is the engine's, whose findings are tested in tests/integration/test_journal_crash.py.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import threading
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from tests.unit.sources.file import crash_worker
from tests.unit.sources.file.committing import gaps, numbers
from tests.unit.sources.file.making import Log, doubled, expected

KILLS = 12
ROOT = Path(__file__).parents[4]


@pytest.fixture(scope="module")
def warm() -> Iterator[ForkServerContext]:
    """Starts workers as forks of one process that has imported everything."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([crash_worker.__name__])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", f"{ROOT / 'operator'}{os.pathsep}{ROOT}")
        yield context


def run_and_kill(context: ForkServerContext, path: Path, journal: Path, *, after: int) -> None:
    """Kill the reader after it has told that many steps."""
    ours, theirs = context.Pipe(duplex=False)
    worker = context.Process(target=crash_worker.work, args=(path, journal, theirs))
    worker.start()
    theirs.close()
    for _ in range(after):
        assert ours.recv_bytes() in {b"read", b"committed"}
    worker.kill()
    worker.join()
    with ours, suppress(EOFError, OSError):
        while True:
            ours.recv_bytes()
    assert worker.exitcode == -signal.SIGKILL, "the worker ended by itself"


def run_to_the_end(context: ForkServerContext, path: Path, journal: Path) -> None:
    """Let a reader read all there is: it is at the end when it only says that nothing came."""
    ours, theirs = context.Pipe(duplex=False)
    worker = context.Process(target=crash_worker.work, args=(path, journal, theirs))
    worker.start()
    theirs.close()
    while ours.poll(2.0):
        ours.recv_bytes()
    worker.kill()
    worker.join()
    ours.close()


def test_no_kill_loses_or_doubles_an_event(warm: ForkServerContext, tmp_path: Path) -> None:
    path, journal = tmp_path / "audit.log", tmp_path / "journal.db"
    log, moments, stop = Log(path, compress=True), random.Random(7), threading.Event()
    log.events(200)

    def write() -> None:
        while not stop.wait(0.002):
            log.events(moments.randint(1, 40))
            if moments.random() < 0.05:
                log.rotate()

    writer = threading.Thread(target=write)
    writer.start()
    for _ in range(KILLS):
        run_and_kill(warm, path, journal, after=moments.randint(3, 40))
    stop.set()
    writer.join()
    log.rotate()
    log.events(1)
    run_to_the_end(warm, path, journal)
    log.close()

    found = numbers(journal)
    assert set(expected(log.written)) - set(found) == set(), "lost"
    assert doubled(found) == set()
    assert gaps(journal) == []
