"""The log is one unbroken, ordered stretch whose sequences are never used twice."""

from __future__ import annotations

import math

from auditwatch.journal.journal import Journal
from auditwatch.journal.rows import LogRecord
from tests.unit.journal.conftest import OpenJournal, fill


def test_a_new_log_is_empty_and_its_last_sequence_is_zero(journal: Journal) -> None:
    assert journal.last_sequence() == 0
    assert journal.log_after(0, limit=10) == []


def test_settled_rows_follow_each_other_in_the_order_given(journal: Journal) -> None:
    journal.receive(key="a", source="state", payload=b"a")
    journal.receive(key="b", source="state", payload=b"b")

    assert journal.settle(inbox=[1, 2], rows=[b"row a", b"row b"]) == 2
    assert journal.log_after(0, limit=10) == [LogRecord(1, b"row a"), LogRecord(2, b"row b")]


def test_two_inbox_rows_may_become_one_log_row(journal: Journal) -> None:
    journal.receive(key="a", source="state", payload=b"a")
    journal.receive(key="b", source="webhook", payload=b"b")

    assert journal.settle(inbox=[1, 2], rows=[b"joined"]) == 1
    assert journal.unsettled(limit=10) == []


def test_an_absence_becomes_a_log_row_without_an_inbox_row(journal: Journal) -> None:
    assert journal.settle(inbox=[], rows=[b"tick"]) == 1
    assert journal.log_after(0, limit=10) == [LogRecord(1, b"tick")]


def test_inbox_rows_may_be_settled_into_nothing(journal: Journal) -> None:
    fill(journal, 3)
    journal.receive(key="a", source="state", payload=b"a")

    assert journal.settle(inbox=[4], rows=[]) == 3
    assert journal.unsettled(limit=10) == []


def test_reading_starts_behind_the_sequence_and_stops_at_the_limit(journal: Journal) -> None:
    fill(journal, 10)

    assert [record.sequence for record in journal.log_after(4, limit=3)] == [5, 6, 7]
    assert journal.log_after(10, limit=3) == []


def test_a_sequence_is_not_used_again_when_everything_was_pruned_and_the_journal_reopened(
    open_journal: OpenJournal,
) -> None:
    first = open_journal()
    fill(first, 5)
    assert first.prune(keep_after=math.inf, keep_sequence=5) == 5
    first.close()

    again = open_journal()
    assert again.last_sequence() == 5
    assert again.settle(inbox=[], rows=[b"next"]) == 6


def test_a_rolled_back_settling_gives_its_sequences_back(journal: Journal) -> None:
    fill(journal, 2)
    try:
        with journal.transaction():
            journal.settle(inbox=[], rows=[b"lost"])
            raise KeyError
    except KeyError:
        pass

    assert journal.last_sequence() == 2
    assert journal.settle(inbox=[], rows=[b"kept"]) == 3
