"""The file source as a whole: a real log, a real thread, a real journal."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path

import msgspec
import pytest

from auditwatch.events.needles import Needle, Needles
from auditwatch.events.redaction import Redactor
from auditwatch.journal.delivery import Delivery
from auditwatch.journal.errors import JournalFullError
from auditwatch.sources.file.deliveries import Progress, mark_of
from auditwatch.sources.file.habits import Habits
from auditwatch.sources.file.source import FilePlan, FileSource
from tests.unit.sources.file.committing import Committer, gaps, numbers, open_journal, records
from tests.unit.sources.file.making import Log, doubled, event, expected

EVERYTHING = Needles.of([], reads_everything=True)
QUICK = Habits(start="Beginning", grace=0.05, look=0.01, longest_pause=0.02)


class Bench:
    """A source on a log and a journal; started and stopped at will."""

    def __init__(self, path: Path, needles: Callable[[], Needles] = lambda: EVERYTHING) -> None:
        self.path = path
        self.journal = path.parent / "journal.db"
        self.needles = needles
        self.committer: Committer | None = None
        self.source: FileSource | None = None
        self.ended: list[BaseException] = []

    def start(self, *, deliver: Callable[[Committer, Delivery], Future[None]] | None = None) -> FileSource:
        self.committer = committer = Committer(self.journal)
        self.source = FileSource(
            FilePlan(name="audit-log", cluster="c", instance="node-1", path=self.path, habits=QUICK),
            deliver=(lambda delivery: deliver(committer, delivery)) if deliver else committer.deliver,
            redactor=Redactor(b"k"),
            needles=self.needles,
            clock=time.time,
            monotonic=time.monotonic,
            ended=self.ended.append,
        )
        self.source.start()
        return self.source

    def stop(self) -> None:
        if self.source and self.committer:
            assert self.source.stop(within=30.0)
            self.committer.stop()
            self.source = self.committer = None

    def until(self, holds: Callable[[], bool]) -> None:
        assert self.source
        deadline = time.monotonic() + 60.0
        while not holds():
            assert time.monotonic() < deadline, self.source.report()
            assert not self.ended
            time.sleep(0.01)


@pytest.fixture
def bench(path: Path) -> Iterator[Bench]:
    made = Bench(path)
    yield made
    made.stop()


def test_events_are_committed_with_where_they_are_from(bench: Bench, log: Log) -> None:
    log.events(3)
    source = bench.start()
    bench.until(lambda: source.report().selected == 3)
    bench.stop()

    assert numbers(bench.journal) == expected(3)
    record = records(bench.journal)[0]
    assert (record.cluster, record.source, record.instance, record.evidence) == ("c", "audit-log", "node-1", "Audited")
    assert record.event.object_ref
    assert record.event.object_ref.name == "p"


def test_a_restart_goes_on_at_the_committed_position(bench: Bench, log: Log) -> None:
    log.events(3)
    source = bench.start()
    bench.until(lambda: source.report().selected == 3)
    bench.stop()
    log.events(3)
    log.rotate()
    log.events(1)
    source = bench.start()
    bench.until(lambda: source.report().selected >= 4)
    report = source.report()
    bench.stop()

    assert report.read == 4, "nothing was read a second time"
    assert numbers(bench.journal) == expected(7)


def test_twenty_thousand_lines_under_rotation_and_compression_are_committed_once_each(path: Path) -> None:
    bench, log = Bench(path), Log(path, compress=True)
    source = bench.start()

    def write() -> None:
        for _ in range(40):
            log.events(500)
            log.rotate()

    writer = threading.Thread(target=write)
    writer.start()
    writer.join()
    bench.until(lambda: source.report().read >= 20_000)
    report = source.report()
    bench.stop()
    log.close()

    found = numbers(bench.journal)
    assert set(expected(20_000)) - set(found) == set(), "lost"
    assert doubled(found) == set()
    assert report.read == 20_000, "no line was even read twice"
    assert gaps(bench.journal) == []


def test_only_what_some_rule_may_care_about_is_kept_and_needles_may_change(path: Path, log: Log) -> None:
    in_force = [Needles.of([Needle(('/policies/7"',))])]
    bench = Bench(path, lambda: in_force[0])
    log.events(10)
    source = bench.start()
    bench.until(lambda: source.report().read == 10)
    assert source.report().selected == 1
    assert source.report().needles_digest == in_force[0].digest

    in_force[0] = Needles.of([Needle(('"policies"', '"verb":"delete"'))])
    log.events(5)
    bench.until(lambda: source.report().read == 15)
    bench.until(lambda: source.report().selected == 6)
    bench.stop()

    assert numbers(bench.journal) == ["7", "10", "11", "12", "13", "14"]
    journal = open_journal(bench.journal)
    mark = journal.mark(mark_of("audit-log", "node-1"))
    journal.close()
    assert mark
    progress = msgspec.json.decode(mark, type=Progress)
    assert progress.needles == in_force[0].digest
    assert progress.position.files[0].offset == path.stat().st_size, "saved at the end although nothing was of interest"


def test_r29_lines_that_are_no_events_are_counted_told_and_stop_nothing(bench: Bench, log: Log) -> None:
    log.events(1)
    deep = event("deep")[:-1] + b',"requestObject":' + b"[" * 9000 + b"]" * 9000 + b"}"
    log.write(
        b"not json\n" + b'{"kind":"Pod"}\n' + b"[[[\n" + deep + b"\n" + event("bad").replace(b"eve", b"\xff") + b"\n"
    )
    log.events(1)
    source = bench.start()
    bench.until(lambda: source.report().read == 7)
    report = source.report()
    bench.stop()

    found = numbers(bench.journal)
    assert [found[0], found[-1]] == expected(2)
    assert {"deep", "bad"} <= set(found)
    assert sum(report.undecodable.values()) >= 2
    assert report.degraded >= 2
    lost = gaps(bench.journal)
    assert [gap.reason for gap in lost] == ["LinesUnreadable"]
    assert "audit.log" in lost[0].message
    assert f"byte {len(event(0)) + 1}" in lost[0].message


def test_gaps_are_committed_as_such(bench: Bench, log: Log, path: Path) -> None:
    log.events(3)
    source = bench.start()
    bench.until(lambda: source.report().selected == 3)
    path.write_bytes(b"")
    bench.until(lambda: source.report().gaps == {"LogTruncated": 1})
    bench.until(lambda: source.report().state == "Reading")
    bench.stop()

    gap = gaps(bench.journal)[0]
    assert (gap.source, gap.subject, gap.reason) == ("audit-log", "node-1", "LogTruncated")
    assert gap.start <= gap.end


def test_r37_a_full_journal_holds_the_reading_back_says_so_and_loses_nothing(
    bench: Bench, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("auditwatch.sources.file.source.RETRY_SECONDS", 0.01)
    is_full = threading.Event()
    is_full.set()

    def deliver(committer: Committer, delivery: Delivery) -> Future[None]:
        if is_full.is_set() and delivery.size > 300:
            refused: Future[None] = Future()
            refused.set_exception(JournalFullError(bench.journal, "full", "enlarge the volume"))
            return refused
        return committer.deliver(delivery)

    log.events(3)
    source = bench.start(deliver=deliver)
    bench.until(lambda: source.report().state == "Failing")
    assert "enlarge the volume" in source.report().message
    is_full.clear()
    bench.until(lambda: source.report().state == "Reading")
    log.events(1)
    bench.until(lambda: source.report().selected == 4)
    bench.stop()

    assert numbers(bench.journal) == expected(4)


def test_a_file_that_is_not_there_is_reported_with_the_fix(bench: Bench) -> None:
    source = bench.start()
    bench.until(lambda: source.report().state == "Absent")

    assert "--audit-log-path" in source.report().message
    assert source.report().last_event is None


def test_a_stop_while_nothing_is_taken_ends_the_thread(bench: Bench, log: Log) -> None:
    log.events(1)
    waiting: list[Future[None]] = []

    def deliver(_committer: Committer, _delivery: Delivery) -> Future[None]:
        waiting.append(Future())
        return waiting[-1]

    source = bench.start(deliver=deliver)
    bench.until(lambda: bool(waiting))

    assert source.stop(within=30.0)
    assert waiting[0].cancelled()
    assert bench.ended == []


def test_an_unreadable_mark_means_reading_anew_not_failing(bench: Bench, log: Log) -> None:
    journal = open_journal(bench.journal)
    with journal.transaction():
        journal.set_mark(mark_of("audit-log", "node-1"), b"garbage")
    journal.close()
    log.events(2)
    source = bench.start()
    bench.until(lambda: source.report().selected == 2)
    bench.stop()

    assert numbers(bench.journal) == expected(2)


def test_the_report_tells_lag_and_proof_of_life(bench: Bench, log: Log) -> None:
    log.events(2)
    source = bench.start()
    bench.until(lambda: source.report().read == 2)
    bench.until(lambda: source.report().last_proof_of_life is not None)
    report = source.report()

    assert report.state == "Reading"
    assert report.last_event == pytest.approx(1_767_225_600.000001)
    assert report.lag is not None
    assert report.lag_bytes == 0
    assert report.files_open == 1


def test_before_it_knows_where_to_go_on_it_is_starting_and_not_reading(bench: Bench, log: Log) -> None:
    log.events(3)
    gate = threading.Event()

    def deliver(committer: Committer, delivery: Delivery) -> Future[None]:
        assert gate.wait(60.0)
        return committer.deliver(delivery)

    source = bench.start(deliver=deliver)
    assert source.report().state == "Starting"
    gate.set()
    bench.until(lambda: source.report().state == "Reading")
