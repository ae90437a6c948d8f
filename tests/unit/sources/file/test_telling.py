"""What a log's keeper is told in each trouble: gaps with bounds and a fix, counts that add up, errors of every kind."""

from __future__ import annotations

import errno
import os
import threading
from concurrent.futures import Future
from pathlib import Path, PurePath

import msgspec
import pytest

from auditwatch.events.activity import Gap
from auditwatch.events.audit import AuditRecord
from auditwatch.events.needles import Needles
from auditwatch.events.redaction import Redactor
from auditwatch.journal.delivery import Delivery
from auditwatch.journal.errors import JournalFullError
from auditwatch.journal.journal import Journal
from auditwatch.sources.file import source as sourcing
from auditwatch.sources.file.deliveries import Advance, Progress, Recall, mark_of
from auditwatch.sources.file.framing import Line
from auditwatch.sources.file.gaps import (
    FileGap,
    backup_lost,
    backup_unreadable,
    history_lost,
    lines_unreadable,
    log_removed,
    log_truncated,
    written_at,
)
from auditwatch.sources.file.naming import Grammar, Name
from auditwatch.sources.file.position import Position
from auditwatch.sources.file.pumping import StoppedError
from auditwatch.sources.file.source import FilePlan, JournalSink
from auditwatch.sources.file.tail import Batch
from auditwatch.sources.file.trouble import explain
from tests.unit.sources.file.making import EPOCH, event

PATH = Path("/var/log/kubernetes/audit.log")
GRAMMAR = Grammar(PurePath("audit.log"))
FULL = JournalFullError(Path("journal.db"), "is full", "make room")


def named(text: str) -> Name:
    name = GRAMMAR.read(text)
    assert name is not None
    return name


LIVE = named("audit.log")
BACKUP = named("audit-2026-01-01T01-00-00.000.log.gz")
ROTATED = EPOCH + 3600
MADE: dict[str, FileGap] = {
    "HistoryLost": history_lost(["audit-a.log", "audit-b.log"], start=EPOCH, end=EPOCH + 9),
    "BackupLost": backup_lost(BACKUP, start=EPOCH),
    "BackupUnreadable": backup_unreadable(BACKUP, "is damaged at byte 7", start=EPOCH),
    "LogTruncated": log_truncated(LIVE, read=100, size=3, start=EPOCH, end=EPOCH + 9),
    "LogRemoved": log_removed(LIVE, start=EPOCH, end=EPOCH + 9),
    "LinesUnreadable": lines_unreadable("audit.log", [(7, "no JSON"), (90, "other")], at=EPOCH),
}
WORDS = {
    "HistoryLost": ("audit-a.log, audit-b.log", "--audit-log-maxbackup"),
    "BackupLost": (BACKUP.text, "--audit-log-maxage", "more CPU"),
    "BackupUnreadable": (BACKUP.text, "is damaged at byte 7", "Check the node's disk"),
    "LogTruncated": ("audit.log", "after 100 bytes", "it has 3 now", "Find out who does this"),
    "LogRemoved": ("audit.log", "--audit-log-maxbackup", "who removed it", "restart kube-apiserver"),
    "LinesUnreadable": ("2 entries of audit.log", "the first at byte 7: no JSON", "somebody's doing"),
}


@pytest.mark.parametrize("reason", MADE)
def test_a_gap_says_which_file_what_happened_and_what_to_do(reason: str) -> None:
    gap = MADE[reason]
    assert gap.reason == reason
    assert [words for words in WORDS[reason] if words not in gap.message] == []
    assert EPOCH == gap.start <= gap.end


@pytest.mark.parametrize(
    ("gap", "end"),
    [(MADE["HistoryLost"], EPOCH + 9), (MADE["BackupLost"], ROTATED), (MADE["LinesUnreadable"], EPOCH)],
)
def test_a_gap_ends_when_what_was_lost_was_written_at_the_latest(gap: FileGap, end: float) -> None:
    assert gap.end == end


def test_a_gap_never_ends_before_it_begins() -> None:
    late = EPOCH + 1e6
    for gap in (
        history_lost(["a"], start=late, end=EPOCH),
        backup_lost(BACKUP, start=late),
        backup_unreadable(BACKUP, "is torn", start=late),
        log_truncated(LIVE, read=1, size=0, start=late, end=EPOCH),
        log_removed(LIVE, start=late, end=EPOCH),
    ):
        assert gap.start <= gap.end, gap.reason


def test_a_backup_whose_name_holds_no_day_is_lost_at_the_last_moment_it_was_seen() -> None:
    odd = named("audit-2026-13-45T00-00-00.000.log")
    gap = backup_lost(odd, start=EPOCH)
    assert (gap.start, gap.end) == (EPOCH, EPOCH)


@pytest.mark.parametrize(
    ("line", "time"),
    [
        (event(1, second=30), EPOCH + 30.000001),
        (b'{"stageTimestamp":"2026-01-01T00:00:00.000000Z","annotations":{"x":"\\"stageTimestamp\\":\\"1\\""}}', EPOCH),
        (b'{"a":{"stageTimestamp":"2020-01-01T00:00:00Z"},"stageTimestamp":"2026-01-01T00:00:00.000000Z"}', EPOCH),
        (b'{"stageTimestamp":"soon"}', None),
        (b'{"stageTimestamp":"', None),
        (b"", None),
        (b"\xff\xfe", None),
    ],
)
def test_when_a_line_was_written_is_read_from_its_last_field_of_that_name(line: bytes, time: float | None) -> None:
    found = written_at(line)
    assert found == (None if time is None else pytest.approx(time, abs=1e-5))


@pytest.mark.parametrize("number", [errno.EIO, errno.EMFILE, errno.ENOMEM, errno.ESTALE, errno.EBUSY])
def test_trouble_that_may_pass_is_said_to_be_tried_again(number: int) -> None:
    trouble = explain(OSError(number, os.strerror(number)), PATH)
    assert trouble.state == "Failing"
    assert trouble.message == f"{PATH} cannot be read ({os.strerror(number)}); it is tried again"


def received(journal: Journal) -> list[AuditRecord | Gap]:
    return [msgspec.json.decode(row.payload, type=AuditRecord | Gap) for row in journal.unsettled(limit=1000)]


def gaps_in(journal: Journal) -> list[Gap]:
    return [one for one in received(journal) if isinstance(one, Gap)]


def batch(*records: Line, gaps: tuple[FileGap, ...] = (), seen: float = 1.0) -> Batch:
    return Batch(
        file="audit.log",
        records=list(records),
        position_after=Position(seen=seen),
        lag_bytes=0,
        gaps=list(gaps),
        last_event=EPOCH + 5,
    )


class Engine:
    """Commits at once; before that it is in the trouble it was told to be in."""

    def __init__(self, journal: Journal, *trouble: Exception) -> None:
        self.journal = journal
        self.trouble = list(trouble)
        self.said: list[str] = []
        self.seen: list[AuditRecord] = []
        self.sink: JournalSink | None = None

    def deliver(self, delivery: Delivery) -> Future[None]:
        done: Future[None] = Future()
        if self.trouble:
            done.set_exception(self.trouble.pop(0))
            return done
        if self.sink:
            self.said.append(self.sink.tally.message)
        with self.journal.transaction():
            delivery.record(self.journal)
        done.set_result(None)
        return done


def sink_of(engine: Engine, stop: threading.Event | None = None) -> JournalSink:
    plan = FilePlan(name="audit-log", cluster="c", instance="node-1", path=PATH)
    engine.sink = JournalSink(
        plan,
        deliver=engine.deliver,
        redactor=Redactor(b"k"),
        needles=lambda: Needles.of([], reads_everything=True),
        clock=lambda: EPOCH + 60,
        stop=stop or threading.Event(),
        seen=engine.seen.append,
    )
    return engine.sink


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sourcing, "RETRY_SECONDS", 0.0)


def test_events_gaps_and_counts_of_a_batch_belong_together(journal: Journal) -> None:
    engine = Engine(journal)
    sink = sink_of(engine)
    lines = Line(0, event(1)), Line(600, b"junk"), Line(700, event(2)[:-40], "Torn"), Line(900, event(3))
    assert sink.take(batch(*lines, gaps=(MADE["HistoryLost"],)))
    tally = sink.tally
    assert (tally.read, tally.selected, tally.torn, tally.cut) == (4, 4, 1, 0)
    assert (tally.last_event, tally.message) == (EPOCH + 5, "")
    assert dict(tally.gaps) == {"HistoryLost": 1, "LinesUnreadable": 1}
    assert [record.event.request_uri[-1] for record in engine.seen] == ["1", "2", "3"]
    assert (tally.degraded, dict(tally.undecodable)) == (1, {"NotAnAuditEvent": 1}), "of a torn one much can be read"
    assert len(received(journal)) == len(engine.seen) + 2
    assert {(gap.source, gap.subject, gap.reason) for gap in gaps_in(journal)} == {
        ("audit-log", "node-1", "HistoryLost"),
        ("audit-log", "node-1", "LinesUnreadable"),
    }
    (unreadable,) = [gap for gap in gaps_in(journal) if gap.reason == "LinesUnreadable"]
    assert (unreadable.start, unreadable.end) == (EPOCH + 5, EPOCH + 5), "about when the event before was written"


def test_a_batch_of_nothing_is_not_committed_and_its_position_waits(journal: Journal) -> None:
    sink = sink_of(Engine(journal))
    assert not sink.take(batch(seen=2.0))
    assert sink.recall() is None
    sink.save(Position(seen=2.0))
    assert sink.recall() == Position(seen=2.0)


def test_unreadable_lines_of_a_batch_without_a_time_are_of_now(journal: Journal) -> None:
    sink = sink_of(Engine(journal))
    without = Batch(
        file="audit.log", records=[Line(0, b"junk")], position_after=Position(), lag_bytes=0, gaps=[], last_event=None
    )
    sink.take(without)
    (gap,) = gaps_in(journal)
    assert (gap.start, gap.end) == (EPOCH + 60, EPOCH + 60)


def test_while_the_journal_takes_nothing_that_is_said_and_no_longer_when_it_does(journal: Journal) -> None:
    engine = Engine(journal, FULL, FULL, ZeroDivisionError("x"))
    sink = sink_of(engine)
    sink.take(batch(Line(0, event(1))))
    engine.trouble.append(FULL)
    sink.take(batch(Line(0, event(2))))
    assert engine.said == ["a defect of this program keeps events from the journal: ZeroDivisionError('x')", str(FULL)]
    assert (sink.tally.message, len(received(journal))) == ("", 2)


def test_who_is_told_to_stop_stops_waiting_for_the_journal(journal: Journal) -> None:
    stop = threading.Event()
    stop.set()
    sink = sink_of(Engine(journal, FULL), stop)
    with pytest.raises(StoppedError):
        sink.save(Position())
    assert "is full; make room" in sink.tally.message


def test_a_batch_offered_again_is_there_once_and_told_once(journal: Journal) -> None:
    sink = sink_of(Engine(journal))
    for _ in range(2):
        sink.take(batch(Line(0, event(1)), gaps=(MADE["LogRemoved"],)))
    assert len(received(journal)) == 2


def test_each_api_server_has_a_mark_of_its_own(journal: Journal) -> None:
    marks = [mark_of("audit-log", instance) for instance in ("node-1", "node-2")]
    with journal.transaction():
        Advance(source="audit-log", mark=marks[0], progress=Progress(position=Position(seen=9.0))).record(journal)
    found = [Recall(mark=mark) for mark in marks]
    for recall in found:
        recall.record(journal)
    assert [recall.progress is not None for recall in found] == [True, False]
    assert len(set(marks)) == 2


def test_what_waits_is_measured_by_what_it_holds() -> None:
    progress = Progress(position=Position())
    assert Advance(source="s", mark="m", progress=progress).size == Recall(mark="m").size > 0
