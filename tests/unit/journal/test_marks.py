"""Marks: named small values, and positions among them."""

from __future__ import annotations

import pytest

from auditwatch.journal.journal import Journal
from tests.unit.journal.conftest import OpenJournal


def test_a_mark_that_was_never_set_is_none(journal: Journal) -> None:
    assert journal.mark("published") is None


def test_an_empty_value_is_not_an_absent_one(journal: Journal) -> None:
    journal.set_mark("empty", b"")

    assert journal.mark("empty") == b""


def test_the_last_value_wins_and_survives_a_restart(open_journal: OpenJournal) -> None:
    first = open_journal()
    first.set_mark("rv/policies", b"100")
    first.set_mark("rv/policies", b"200")
    first.close()

    assert open_journal().mark("rv/policies") == b"200"


def test_marks_are_found_by_their_prefix_only(journal: Journal) -> None:
    for name in ("inforce/ns/a/1", "inforce/ns/a/2", "inforce/ns/ab/1", "inforce", "zz"):
        journal.set_mark(name, name.encode())

    assert journal.marks("inforce/ns/a/") == {"inforce/ns/a/1": b"inforce/ns/a/1", "inforce/ns/a/2": b"inforce/ns/a/2"}
    assert len(journal.marks("")) == 5


@pytest.mark.parametrize("wild", ["%", "_", "*", "?"])
def test_a_wildcard_in_a_prefix_means_itself(journal: Journal, wild: str) -> None:
    journal.set_mark("plain", b"1")
    journal.set_mark(wild + "own", b"2")

    assert journal.marks(wild) == {wild + "own": b"2"}


def test_a_dropped_mark_is_gone(journal: Journal) -> None:
    journal.set_mark("m", b"1")
    journal.drop_mark("m")

    assert journal.mark("m") is None


def test_a_position_is_zero_until_it_is_set(journal: Journal) -> None:
    assert journal.position("detected") == 0
    journal.set_position("detected", 2**53 + 1)
    assert journal.position("detected") == 2**53 + 1
    assert journal.mark("detected") == b"9007199254740993"
