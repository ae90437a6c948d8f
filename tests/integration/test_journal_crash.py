"""kill -9 at random moments: what was acknowledged is there exactly once, and detection stands where its state says.

The same directory is killed over and over, so that each recovery starts from what the last crash left.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.context import ForkServerContext
from pathlib import Path

import msgspec
import pytest

from auditwatch.events.activity import Activity, LogRow, StateChange
from auditwatch.findings.state import decode
from auditwatch.journal.journal import Journal
from tests.integration import journal_crash_worker
from tests.unit.runtime.engine_parts import Bench

KILLS = 32
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Left:
    """What a crash left in the journal."""

    uids: Counter[str]
    """How often each uid is in the inbox (unsettled) or the log."""
    last_sequence: int
    detected: int
    windows: int
    """Rows the detector counted, by its saved window."""
    findings: int
    """Sum of the counts of all saved findings."""


@pytest.fixture(scope="module")
def warm() -> Iterator[ForkServerContext]:
    """Starts workers as forks of one process that has imported everything: a kill then costs no second start."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([journal_crash_worker.__name__])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", f"{ROOT / 'operator'}{os.pathsep}{ROOT}")
        yield context


def killed(context: ForkServerContext, directory: Path, first: int, *, after: int, pause: float) -> list[str]:
    """Run a worker, kill it some time after ``after`` acknowledgements; every uid it acknowledged."""
    ours, theirs = context.Pipe(duplex=False)
    worker = context.Process(target=journal_crash_worker.work, args=(directory, first, theirs))
    worker.start()
    theirs.close()
    acknowledged = [ours.recv_bytes().decode() for _ in range(after)]
    time.sleep(pause)
    worker.kill()
    worker.join()
    with ours, suppress(EOFError, OSError):
        while True:
            acknowledged.append(ours.recv_bytes().decode())
    assert worker.exitcode == -signal.SIGKILL, "the worker ended by itself"
    return acknowledged


def left_in(journal: Journal) -> Left:
    waiting = [msgspec.json.decode(row.payload, type=StateChange).uid for row in journal.unsettled(limit=100_000)]
    rows = [msgspec.json.decode(record.payload, type=LogRow) for record in journal.log_after(0, limit=100_000)]
    return Left(
        uids=Counter(waiting + [row.target.uid for row in rows if isinstance(row, Activity)]),
        last_sequence=journal.last_sequence(),
        detected=journal.position("detected"),
        windows=int(dict(journal.snapshots("windows")).get("total", b"0")),
        findings=sum(decode(row).count for _, row in journal.snapshots("findings")),
    )


def test_no_kill_loses_or_doubles_what_was_acknowledged(warm: ForkServerContext, tmp_path: Path) -> None:
    moments = random.Random(3)
    acknowledged: set[str] = set()
    for kill in range(KILLS):
        after, pause = moments.randint(1, 40), moments.uniform(0, 0.05)
        uids = killed(warm, tmp_path, kill * 100_000, after=after, pause=pause)
        acknowledged.update(uids)
        journal = Bench(tmp_path).open()
        left = left_in(journal)
        journal.close()

        assert journal.set_aside is None
        assert acknowledged - left.uids.keys() == set(), f"lost in kill {kill}"
        assert {uid for uid, count in left.uids.items() if count > 1} == set(), f"doubled in kill {kill}"
        assert left.detected <= left.last_sequence
        assert (left.windows, left.findings) == (left.detected, left.detected), f"state moved alone in kill {kill}"
    assert len(acknowledged) >= KILLS


def test_after_the_last_kill_everything_is_found_once(warm: ForkServerContext, tmp_path: Path) -> None:
    acknowledged = {uid for kill in range(3) for uid in killed(warm, tmp_path, kill * 100_000, after=20, pause=0.0)}
    bench = Bench(tmp_path)
    engine = bench.start()
    engine.enable_matching().result()
    engine.stop(within=60.0)

    journal = bench.open()
    left = left_in(journal)
    journal.close()
    assert acknowledged <= left.uids.keys()
    assert left.detected == left.last_sequence == left.uids.total() == left.findings
