"""The inbox keeps what arrived once, in order, until it is settled."""

from __future__ import annotations

import pytest

from auditwatch.journal.errors import JournalFullError, SettledTwiceError
from auditwatch.journal.inbox import CHECKED_BYTES
from auditwatch.journal.journal import Journal
from auditwatch.journal.rows import InboxRow
from tests.unit.journal.conftest import Clock, OpenJournal


def test_what_arrives_is_unsettled_in_the_order_of_arrival(journal: Journal, clock: Clock) -> None:
    journal.receive(key="b", source="state", payload=b"first")
    clock.now += 1
    journal.receive(key="a", source="webhook", payload=b"second")

    assert journal.unsettled(limit=10) == [
        InboxRow(sequence=1, source="state", payload=b"first", received=clock.now - 1),
        InboxRow(sequence=2, source="webhook", payload=b"second", received=clock.now),
    ]


def test_a_known_key_is_refused_and_the_first_payload_stays(journal: Journal) -> None:
    assert journal.receive(key="k", source="state", payload=b"one") is True
    assert journal.receive(key="k", source="state", payload=b"two") is False

    assert [row.payload for row in journal.unsettled(limit=10)] == [b"one"]


def test_many_rows_arrive_in_order_and_each_key_once(journal: Journal) -> None:
    journal.receive(key="b", source="state", payload=b"known")

    rows = [("a", b"1"), ("b", b"2"), ("c", b"3"), ("a", b"4")]

    assert journal.receive_all(rows, source="webhook") == 2
    assert [(row.source, row.payload) for row in journal.unsettled(limit=10)] == [
        ("state", b"known"),
        ("webhook", b"1"),
        ("webhook", b"3"),
    ]
    assert journal.receive_all([], source="webhook") == 0


def test_many_rows_meet_the_limit_like_one(open_journal: OpenJournal) -> None:
    journal = open_journal(limit_bytes=1 << 20)
    rows = [(str(number), bytes(CHECKED_BYTES)) for number in range(100)]

    with pytest.raises(JournalFullError), journal.transaction():
        journal.receive_all(rows, source="webhook")

    assert journal.unsettled(limit=10) == []
    assert journal.receive_all(rows[:2], source="webhook") == 2


def test_a_key_stays_known_after_its_row_was_settled(journal: Journal) -> None:
    journal.receive(key="k", source="state", payload=b"one")
    journal.settle(inbox=[1], rows=[b"row"])

    assert journal.receive(key="k", source="state", payload=b"again") is False
    assert journal.unsettled(limit=10) == []


def test_a_key_stays_known_across_a_restart(open_journal: OpenJournal) -> None:
    first = open_journal()
    first.receive(key="k", source="state", payload=b"one")
    first.close()

    assert open_journal().receive(key="k", source="state", payload=b"one") is False


def test_a_batch_of_unsettled_rows_is_bounded_and_begins_with_the_oldest(journal: Journal) -> None:
    for number in range(5):
        journal.receive(key=str(number), source="state", payload=b"%d" % number)

    assert [row.payload for row in journal.unsettled(limit=2)] == [b"0", b"1"]
    assert journal.unsettled_count() == 5


def test_what_waits_can_be_passed_by_to_see_what_came_after_it(journal: Journal) -> None:
    for number in range(5):
        journal.receive(key=str(number), source="state", payload=b"%d" % number)
    journal.settle(inbox=[4], rows=[])

    assert [row.sequence for row in journal.unsettled(limit=2, after=2)] == [3, 5]
    assert journal.unsettled(limit=2, after=5) == []


def test_settling_leaves_no_payload_behind_in_the_inbox(journal: Journal) -> None:
    journal.receive(key="k", source="state", payload=b"a long body")
    journal.settle(inbox=[1], rows=[b"row"])

    stored = journal._db.execute("SELECT payload, settled FROM inbox").fetchall()
    assert stored == [(b"", 1)]


def test_a_row_cannot_be_settled_twice_and_the_attempt_changes_nothing(journal: Journal) -> None:
    journal.receive(key="a", source="state", payload=b"a")
    journal.receive(key="b", source="state", payload=b"b")
    journal.settle(inbox=[1], rows=[b"row a"])

    with pytest.raises(SettledTwiceError, match="1 of 2 inbox rows are settled already"):
        journal.settle(inbox=[1, 2], rows=[b"row a", b"row b"])

    assert [row.payload for row in journal.log_after(0, limit=10)] == [b"row a"]
    assert [row.payload for row in journal.unsettled(limit=10)] == [b"b"]


def test_a_row_that_does_not_exist_cannot_be_settled(journal: Journal) -> None:
    with pytest.raises(SettledTwiceError):
        journal.settle(inbox=[77], rows=[b"row"])

    assert journal.last_sequence() == 0


def test_an_unsettled_row_survives_a_restart_with_its_payload(open_journal: OpenJournal) -> None:
    first = open_journal()
    first.receive(key="k", source="state", payload=b"\x00\xff binary")
    first.close()

    assert [row.payload for row in open_journal().unsettled(limit=10)] == [b"\x00\xff binary"]


def test_text_that_looks_like_sql_is_only_text(journal: Journal) -> None:
    hostile = "'); DROP TABLE inbox; --"
    journal.receive(key=hostile, source=hostile, payload=hostile.encode())

    assert journal.receive(key=hostile, source="", payload=b"") is False
    assert journal.unsettled(limit=1)[0].source == hostile
