"""Transactions nest, fail alone, and never pretend to have saved what SQLite threw away."""

from __future__ import annotations

import pytest

from auditwatch.journal.errors import JournalFullError, TransactionLostError
from auditwatch.journal.journal import Journal
from tests.unit.journal.conftest import OpenJournal


def write_and_fail(journal: Journal, name: str) -> None:
    """One transaction that writes a mark and then fails."""
    with journal.transaction():
        journal.set_mark(name, b"1")
        raise KeyError(name)


def write_and_lose(journal: Journal, name: str) -> None:
    """One transaction that writes a mark and is then rolled back by SQLite, as on a failing disk."""
    with journal.transaction():
        journal.set_mark(name, b"1")
        journal._db._connection.execute("ROLLBACK")


def test_what_a_transaction_wrote_is_gone_when_it_fails(journal: Journal) -> None:
    with pytest.raises(KeyError):
        write_and_fail(journal, "m")

    assert journal.mark("m") is None


def test_a_nested_failure_undoes_only_its_own_part(journal: Journal) -> None:
    with journal.transaction():
        journal.set_mark("before", b"1")
        with pytest.raises(KeyError):
            write_and_fail(journal, "inside")
        journal.set_mark("after", b"1")

    assert set(journal.marks("")) == {"before", "after"}


def test_the_outer_failure_undoes_what_nested_ones_finished(journal: Journal) -> None:
    def nested_then_fail() -> None:
        with journal.transaction():
            with journal.transaction():
                journal.set_mark("inside", b"1")
            write_and_fail(journal, "outside")

    with pytest.raises(KeyError):
        nested_then_fail()

    assert journal.marks("") == {}


def test_many_deliveries_in_one_transaction_are_one_commit(journal: Journal) -> None:
    before = journal.commits
    with journal.transaction():
        for number in range(50):
            with journal.transaction():
                journal.receive(key=str(number), source="state", payload=b"x")

    assert journal.commits == before + 1


def test_a_transaction_that_wrote_nothing_is_not_counted_as_a_commit(journal: Journal) -> None:
    before = journal.commits
    with journal.transaction():
        assert journal.mark("m") is None

    assert journal.commits == before


def test_what_was_committed_is_there_for_the_next_opening(open_journal: OpenJournal) -> None:
    first = open_journal()
    with first.transaction():
        first.set_mark("m", b"1")
    first.close()

    assert open_journal().mark("m") == b"1"


def test_a_lost_transaction_is_reported_although_a_part_swallowed_the_error(journal: Journal) -> None:
    with pytest.raises(TransactionLostError):
        write_and_lose(journal, "m")

    assert journal.mark("m") is None


def test_a_nested_part_that_loses_the_transaction_says_so_to_the_outer_one(journal: Journal) -> None:
    def earlier_part_then_lose() -> None:
        with journal.transaction():
            journal.set_mark("earlier part", b"1")
            write_and_lose(journal, "later part")

    with pytest.raises(TransactionLostError):
        earlier_part_then_lose()

    assert journal.marks("") == {}


def test_after_a_lost_transaction_the_next_one_works(journal: Journal) -> None:
    with pytest.raises(TransactionLostError):
        write_and_lose(journal, "lost")
    with journal.transaction():
        journal.set_mark("m", b"1")

    assert journal.mark("m") == b"1"


def test_a_full_disk_undoes_the_transaction_and_names_the_fix(journal: Journal) -> None:
    journal._db.execute(f"PRAGMA max_page_count = {journal._db.number('PRAGMA page_count') + 2}")

    def write_too_much() -> None:
        with journal.transaction():
            for number in range(100):
                journal.set_mark(str(number), b"x" * 4_000)

    with pytest.raises(JournalFullError, match=r"the disk is full.*enlarge the volume"):
        write_too_much()

    assert journal.marks("") == {}


def test_the_journal_works_again_when_the_disk_has_room(journal: Journal) -> None:
    journal._db.execute(f"PRAGMA max_page_count = {journal._db.number('PRAGMA page_count') + 2}")
    with pytest.raises(JournalFullError):
        journal.set_mark("big", b"x" * 40_000)
    journal._db.execute("PRAGMA max_page_count = 100000")
    journal.set_mark("big", b"x" * 40_000)

    assert journal.mark("big") == b"x" * 40_000
