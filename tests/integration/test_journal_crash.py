"""kill -9 at random moments: what was acknowledged is there exactly once, and detection stands where its state says.

The same directory is killed over and over, so that each recovery starts from what the last crash left.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import msgspec

from auditwatch.events.activity import Activity, LogRow, StateChange
from auditwatch.findings.state import decode
from auditwatch.journal.journal import Journal
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


def killed(directory: Path, first: int, *, after: int, pause: float) -> list[str]:
    """Run the worker, kill it some time after ``after`` acknowledgements; every uid it acknowledged."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.integration.journal_crash_worker", str(directory), str(first)],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={"PYTHONPATH": "operator:."},
        text=True,
    ) as worker:
        assert worker.stdout is not None
        acknowledged = [worker.stdout.readline().strip() for _ in range(after)]
        time.sleep(pause)
        worker.kill()
        acknowledged += worker.stdout.read().split("\n")
    assert worker.returncode == -9, "the worker ended by itself"
    return [uid for uid in acknowledged if uid]


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


def test_no_kill_loses_or_doubles_what_was_acknowledged(tmp_path: Path) -> None:
    moments = random.Random(3)
    acknowledged: set[str] = set()
    for kill in range(KILLS):
        uids = killed(tmp_path, kill * 100_000, after=moments.randint(1, 40), pause=moments.uniform(0, 0.05))
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


def test_after_the_last_kill_everything_is_found_once(tmp_path: Path) -> None:
    acknowledged = {uid for kill in range(3) for uid in killed(tmp_path, kill * 100_000, after=20, pause=0.0)}
    bench = Bench(tmp_path)
    engine = bench.start()
    engine.enable_matching().result()
    engine.stop(within=60.0)

    journal = bench.open()
    left = left_in(journal)
    journal.close()
    assert acknowledged <= left.uids.keys()
    assert left.detected == left.last_sequence == left.uids.total() == left.findings
