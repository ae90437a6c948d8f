"""The journal refuses senders before its limit, and goes on working for those who make room."""

from __future__ import annotations

import math

import pytest

from auditwatch.journal.errors import JournalFullError
from auditwatch.journal.journal import Journal
from auditwatch.journal.rows import VersionRow
from tests.unit.journal.conftest import OpenJournal

LIMIT_BYTES = 400_000


def flood(journal: Journal) -> int:
    """Receive until refused; how many rows fitted."""
    for number in range(10_000):
        try:
            journal.receive(key=f"flood-{number}", source="state", payload=b"x" * 4_000)
        except JournalFullError:
            return number
    raise AssertionError("never refused")


@pytest.fixture
def full(open_journal: OpenJournal) -> Journal:
    """A journal that refuses senders."""
    journal = open_journal(limit_bytes=LIMIT_BYTES)
    journal._db.execute("PRAGMA synchronous = OFF")  # what is tested is arithmetic; hundreds of fsyncs would only wait
    flood(journal)
    return journal


def test_a_new_journal_is_neither_full_nor_crowded(journal: Journal) -> None:
    assert (journal.is_full(), journal.is_crowded()) == (False, False)
    assert 0 < journal.used_bytes() < 200_000


def test_a_full_journal_refuses_before_its_limit_and_says_what_to_do(full: Journal) -> None:
    with pytest.raises(JournalFullError, match=r"limit of 400000 bytes is reached; raise journal\.limitBytes"):
        full.receive(key="one more", source="state", payload=b"")

    assert LIMIT_BYTES * 0.85 < full.used_bytes() < LIMIT_BYTES


def test_a_full_journal_refuses_new_versions_too(full: Journal) -> None:
    with pytest.raises(JournalFullError):
        full.put_version("policies", VersionRow(uid="u", version="1", payload=b"{}", seen=1.0, listing=1))

    assert full.version("policies", "u") is None


def test_a_full_journal_still_settles_saves_and_marks(full: Journal) -> None:
    waiting = full.unsettled(limit=5)
    full.settle(inbox=[row.sequence for row in waiting], rows=[b"row"] * 5)
    full.put_snapshots("windows", {"w": b"1"}, sequence=5)
    full.set_position("detected", 5)

    assert (full.last_sequence(), full.position("detected")) == (5, 5)


def test_pruning_lets_senders_in_again(full: Journal) -> None:
    while waiting := full.unsettled(limit=20):
        full.settle(inbox=[row.sequence for row in waiting], rows=[row.payload for row in waiting])
    full.prune(keep_after=math.inf, keep_sequence=full.last_sequence())

    assert (full.is_full(), full.is_crowded()) == (False, False)
    assert full.receive(key="one more", source="state", payload=b"") is True


def test_crowded_comes_before_full(open_journal: OpenJournal) -> None:
    journal = open_journal(limit_bytes=LIMIT_BYTES)
    journal._db.execute("PRAGMA synchronous = OFF")
    number = 0
    while not journal.is_crowded():
        journal.receive(key=str(number), source="state", payload=b"x" * 4_000)
        number += 1

    assert journal.is_full() is False


def test_a_refused_record_leaves_the_others_of_its_transaction_alone(open_journal: OpenJournal) -> None:
    journal = open_journal(limit_bytes=LIMIT_BYTES)
    with journal.transaction():
        fitted = flood(journal)

    assert journal.unsettled_count() == fitted > 10
