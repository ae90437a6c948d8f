"""Snapshots: rows by space and key, where None deletes."""

from __future__ import annotations

from auditwatch.journal.journal import Journal
from tests.unit.journal.conftest import OpenJournal


def test_a_space_nobody_wrote_is_empty(journal: Journal) -> None:
    assert list(journal.snapshots("windows")) == []


def test_rows_are_read_back_in_the_order_of_their_keys(journal: Journal) -> None:
    journal.put_snapshots("windows", {"b": b"2", "a": b"1"}, sequence=7)

    assert list(journal.snapshots("windows")) == [("a", b"1"), ("b", b"2")]


def test_spaces_do_not_see_each_other(journal: Journal) -> None:
    journal.put_snapshots("windows", {"k": b"window"}, sequence=1)
    journal.put_snapshots("findings", {"k": b"finding"}, sequence=1)
    journal.put_snapshots("windows", {"k": None}, sequence=2)

    assert list(journal.snapshots("windows")) == []
    assert list(journal.snapshots("findings")) == [("k", b"finding")]


def test_one_call_writes_over_adds_and_deletes(journal: Journal) -> None:
    journal.put_snapshots("windows", {"kept": b"1", "changed": b"1", "gone": b"1"}, sequence=1)
    journal.put_snapshots("windows", {"changed": b"2", "gone": None, "new": b"1", "never-was": None}, sequence=2)

    assert dict(journal.snapshots("windows")) == {"kept": b"1", "changed": b"2", "new": b"1"}


def test_a_row_remembers_the_log_sequence_that_made_it(journal: Journal) -> None:
    journal.put_snapshots("windows", {"a": b"1", "b": b"1"}, sequence=5)
    journal.put_snapshots("windows", {"a": b"2"}, sequence=9)

    stored = journal._db.execute("SELECT key, sequence FROM snapshots ORDER BY key").fetchall()
    assert stored == [("a", 9), ("b", 5)]


def test_snapshots_and_the_log_position_survive_together_or_not_at_all(open_journal: OpenJournal) -> None:
    first = open_journal()
    with first.transaction():
        first.put_snapshots("windows", {"a": b"at 5"}, sequence=5)
        first.set_position("detected", 5)
    try:
        with first.transaction():
            first.put_snapshots("windows", {"a": b"at 9"}, sequence=9)
            raise KeyError
    except KeyError:
        first.close()

    again = open_journal()
    assert dict(again.snapshots("windows")) == {"a": b"at 5"}
    assert again.position("detected") == 5
