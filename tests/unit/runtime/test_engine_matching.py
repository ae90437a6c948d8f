"""From the log to findings: each row once, state and position together, and no row stops the next."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from structlog.testing import capture_logs

from auditwatch.events.activity import Gap, LogRow
from auditwatch.findings.ledger import Ledger
from auditwatch.findings.state import decode
from auditwatch.journal.errors import JournalUnavailableError
from auditwatch.journal.journal import Journal
from auditwatch.runtime.figures import Problems
from auditwatch.runtime.matching import Matcher
from auditwatch.runtime.reading import Reading
from auditwatch.runtime.settling import Settler
from tests.unit.runtime.engine_parts import Bench, Changes, Counting, a_turn, change, matched, one


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    bench.start()
    yield bench
    bench.engine.stop()


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Bench(tmp_path).open()
    yield journal
    journal.close()


def received(journal: Journal, *uids: str) -> None:
    Changes(uids).record(journal)
    Settler(journal, cluster="c", problems=Problems(), reading=Reading()).step(now=0.0)


def matcher(journal: Journal, detector: Counting, told: list[int] | None = None) -> Matcher:
    ledger = Ledger(journal_id=journal.id, cluster="c")
    return Matcher(
        journal,
        detector,
        ledger,
        problems=Problems(),
        on_dirty=lambda sequence, _: (told if told is not None else []).append(sequence),
    )


async def test_nothing_is_matched_before_rules_are_in_force(bench: Bench) -> None:
    await bench.engine.put(one("a"))
    bench.engine.stop()

    figures = bench.engine.figures()
    assert (figures.last_sequence, figures.detected_sequence, figures.backlog) == (1, 0, 1)
    assert bench.detector.seen == []


async def test_what_arrived_before_is_matched_once_rules_are_in_force(bench: Bench) -> None:
    await bench.engine.put(Changes(("a", "b", "c")))
    bench.engine.enable_matching().result()
    matched(bench.engine, 3)

    assert bench.detector.seen == [1, 2, 3]
    assert bench.engine.figures().is_matching


async def test_a_restart_goes_on_where_detection_stood(bench: Bench) -> None:
    bench.engine.enable_matching().result()
    await bench.engine.put(Changes(("a", "b")))
    bench.engine.stop()
    engine = bench.start()
    engine.enable_matching().result()
    await engine.put(one("c"))
    matched(engine, 3)

    assert bench.detector.seen == [3]
    assert bench.detector.total == 3


async def test_findings_are_saved_with_the_position_and_restored(bench: Bench) -> None:
    bench.engine.enable_matching().result()
    await bench.engine.put(one("daily"))
    bench.engine.stop()

    journal = bench.open()
    states = [decode(row) for _, row in journal.snapshots("findings")]
    assert [(state.count, state.revision) for state in states] == [(1, 1)]
    assert journal.position("detected") == 1
    journal.close()
    engine = bench.start()
    assert engine.call(lambda inside: len(list(inside.journal.snapshots("findings")))).result() == 1


async def test_the_publisher_is_told_after_the_commit_what_changed(bench: Bench) -> None:
    bench.engine.enable_matching().result()
    await bench.engine.put(one("daily"))
    matched(bench.engine, 1)
    a_turn(bench.engine)

    assert [(sequence, len(keys)) for sequence, keys in bench.told] == [(1, 1)]


def test_a_row_on_which_a_rule_falls_over_is_counted_and_passed(journal: Journal) -> None:
    received(journal, "a", "b", "c")
    detector, problems = Counting(poison=2), Problems()
    under_test = Matcher(
        journal,
        detector,
        Ledger(journal_id="j", cluster="c"),
        problems=problems,
        on_dirty=lambda *_: None,
    )

    assert under_test.step() == 3
    assert detector.seen == [1, 3]
    assert (problems.counts(), journal.position("detected")) == ({"matching": 1}, 3)


def test_the_same_problem_is_logged_once_and_counted_always() -> None:
    problems = Problems()
    with capture_logs() as logs:
        for sequence in range(5):
            problems.note("matching", ValueError("same"), sequence=sequence)
        problems.note("matching", ValueError("another"), sequence=9)

    assert problems.counts() == {"matching": 6}
    assert [line["error"] for line in logs if line["log_level"] == "error"] == [
        "ValueError: same",
        "ValueError: another",
    ]


def test_a_log_row_nobody_can_read_is_counted_and_passed(journal: Journal) -> None:
    journal.settle(inbox=[], rows=[b"not json", b'{"type":"Nothing"}'])
    received(journal, "a")
    detector = Counting()
    matcher(journal, detector).step()

    assert detector.seen == [3]


def test_a_record_nobody_can_read_becomes_a_gap_and_stops_none_of_its_neighbours(journal: Journal) -> None:
    problems = Problems()
    Changes(("a",)).record(journal)
    journal.receive(key="bad", source="webhook", payload=b"\xff\xfe")
    Changes(("b",)).record(journal)

    assert Settler(journal, cluster="c", problems=problems, reading=Reading()).step(now=0.0) == 3
    rows = [msgspec.json.decode(row.payload, type=LogRow) for row in journal.log_after(0, limit=9)]
    (gap,) = [row for row in rows if isinstance(row, Gap)]
    assert (len(rows), gap.reason, gap.source) == (3, "RecordUnreadable", "webhook")
    assert problems.counts() == {"settling": 1}


def test_settling_goes_in_batches_and_leaves_the_rest_for_the_next_turn(journal: Journal) -> None:
    Changes(tuple(f"u{number}" for number in range(5))).record(journal)
    settled = [
        Settler(journal, cluster="c", problems=Problems(), reading=Reading()).step(now=0.0, limit=2) for _ in range(4)
    ]

    assert settled == [2, 2, 1, 0]


def test_more_bytes_than_may_wait_are_counted_as_an_overrun(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auditwatch.detection.joiner.joiner.MAX_HELD_BYTES", 0)
    Changes(("a",)).record(journal)
    under_test = Settler(journal, cluster="c", problems=Problems(), reading=Reading())

    assert (under_test.step(now=0.0), under_test.overruns) == (1, 1)


def test_matching_goes_in_batches(journal: Journal) -> None:
    received(journal, *(f"u{number}" for number in range(5)))
    under_test = matcher(journal, Counting())

    assert [under_test.step(limit=2) for _ in range(4)] == [2, 2, 1, 0]


def test_what_could_not_be_saved_is_saved_later_and_never_observed_again(journal: Journal) -> None:
    received(journal, *(f"u{number}" for number in range(100)))
    detector, told = Counting(), list[int]()
    under_test = matcher(journal, detector, told)
    journal._db.execute(f"PRAGMA max_page_count = {journal._db.number('PRAGMA page_count')}")
    with pytest.raises(JournalUnavailableError, match="the disk is full"):
        under_test.step(limit=100)
    assert (journal.position("detected"), told, under_test.detected) == (0, [], 0)

    journal._db.execute("PRAGMA max_page_count = 1000000")
    under_test.step(limit=100)

    assert detector.seen == list(range(1, 101))
    assert dict(journal.snapshots("windows")) == {"total": b"100"}
    assert (journal.position("detected"), told) == (100, [100])


def test_a_listener_that_fails_does_not_stop_detection(journal: Journal) -> None:
    received(journal, "a")
    problems = Problems()

    def listen(_sequence: int, _rows: object) -> None:
        raise OSError("the publisher is gone")

    ledger = Ledger(journal_id="j", cluster="c")
    under_test = Matcher(journal, Counting(), ledger, problems=problems, on_dirty=listen)
    under_test.step()

    assert (problems.counts(), journal.position("detected")) == ({"telling": 1}, 1)


def test_saving_nothing_writes_nothing(journal: Journal) -> None:
    under_test, before = matcher(journal, Counting()), journal.commits

    assert (under_test.save(), under_test.step()) == (0, 0)
    assert journal.commits == before


def test_a_row_reads_the_same_whoever_reads_it(journal: Journal) -> None:
    received(journal, "a")
    stored = journal.log_after(0, limit=1)[0].payload
    with sqlite3.connect(":memory:") as other:
        found = other.execute("SELECT json_extract(?, '$.target.uid')", (stored.decode(),)).fetchone()
    other.close()

    assert found == (change("a").uid,)
