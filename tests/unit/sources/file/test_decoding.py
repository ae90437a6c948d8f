"""From lines to rows of the inbox, and their delivery."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from auditwatch.events.activity import Gap
from auditwatch.events.audit import AuditRecord
from auditwatch.events.redaction import Redactor
from auditwatch.journal.journal import Journal
from auditwatch.sources.file.decoding import Decoding, Reading
from auditwatch.sources.file.deliveries import Advance, Progress, Recall
from auditwatch.sources.file.framing import Form, Line
from auditwatch.sources.file.position import Position
from tests.unit.sources.file.committing import open_journal
from tests.unit.sources.file.making import event

DECODING = Decoding(cluster="c", source="audit-log", instance="n", redactor=Redactor(b"k"))
PROGRESS = Progress(position=Position(seen=5.0), needles="abc")
GAP = Gap(cluster="c", source="audit-log", subject="n", reason="LogTruncated", message="m", start=1.0, end=2.0)


def read(*lines: bytes, form: Form = "Whole") -> Reading:
    return DECODING.read([Line(1000 * at, line, form) for at, line in enumerate(lines)], received=7.0)


def uris(reading: Reading) -> list[str]:
    records = [msgspec.json.decode(row.payload, type=AuditRecord) for row in reading.rows]
    return [record.event.request_uri.rpartition("/")[2] for record in records]


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = open_journal(tmp_path / "journal.db")
    yield opened
    opened.close()


def test_an_event_becomes_a_row_under_its_key_with_when_it_was_read() -> None:
    row = read(event(1)).rows[0]
    record = msgspec.json.decode(row.payload, type=AuditRecord)

    assert record.key == row.key
    assert record.received == 7.0
    assert read(event(1)).rows[0].key == row.key != read(event(2)).rows[0].key


def test_a_list_of_events_in_one_line_is_all_of_them() -> None:
    body = b'{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":[%s,%s]}' % (event(1), event(2))

    assert uris(read(body)) == ["1", "2"]


def test_a_torn_event_does_not_take_the_one_glued_to_it_along() -> None:
    reading = read(event(1)[:250] + event(2))

    assert uris(reading)[-1] == "2"
    assert reading.degraded + len(reading.unreadable) == 1


@pytest.mark.parametrize(("form", "reason"), [("Whole", "NotAnAuditEvent"), ("Torn", "Torn"), ("Cut", "Cut")])
def test_what_is_no_event_is_told_with_its_offset_and_why(form: Form, reason: str) -> None:
    reading = read(b"{", b"nonsense", form=form)

    assert [(one.reason, one.offset) for one in reading.unreadable] == [(reason, 0), (reason, 1000)]
    assert reading.rows == []


def test_a_defect_met_in_one_line_costs_only_that_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(raw: bytes) -> Iterator[bytes]:
        if b"policies/2" in raw:
            raise ZeroDivisionError
        yield raw

    monkeypatch.setattr("auditwatch.sources.file.decoding.unwrap", fails)
    reading = read(event(1), event(2), event(3))

    assert uris(reading) == ["1", "3"]
    assert [(one.reason, one.problem) for one in reading.unreadable] == [("InternalError", "ZeroDivisionError")]


def test_a_delivery_repeated_changes_nothing_and_moves_the_mark_with_its_rows(journal: Journal) -> None:
    rows = read(event(1), event(2)).rows
    for added in (3, 0):
        advance = Advance(source="audit-log", mark="file/audit-log/n", progress=PROGRESS, rows=rows, gaps=[GAP])
        with journal.transaction():
            advance.record(journal)
        assert advance.added == added
    recall = Recall(mark="file/audit-log/n")
    recall.record(journal)

    assert len(journal.unsettled(limit=10)) == 3
    assert recall.progress == PROGRESS
    assert advance.size > sum(len(row.payload) for row in rows)


def test_what_is_rolled_back_moves_no_mark(journal: Journal) -> None:
    advance = Advance(source="audit-log", mark="m", progress=PROGRESS, rows=read(event(1)).rows)

    def fail_after_recording() -> None:
        with journal.transaction():
            advance.record(journal)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_after_recording()

    assert journal.mark("m") is None
    assert journal.unsettled(limit=10) == []


def test_a_mark_that_was_never_set_or_cannot_be_read_is_none(journal: Journal) -> None:
    never = Recall(mark="never")
    never.record(journal)
    assert (never.progress, never.problem) == (None, "")

    with journal.transaction():
        journal.set_mark("garbage", b'{"position": 5}')
    garbage = Recall(mark="garbage")
    garbage.record(journal)
    assert garbage.progress is None
    assert garbage.problem
