"""Last versions of watched objects: per kind and uid, and which a listing did not hold."""

from __future__ import annotations

from dataclasses import replace

from auditwatch.journal.journal import Journal
from auditwatch.journal.rows import VersionRow
from tests.unit.journal.conftest import OpenJournal

POLICIES, PROFILES = "config.kio.kasten.io/policies", "config.kio.kasten.io/profiles"


def row(uid: str, *, version: str = "1", payload: bytes = b"{}", seen: float = 1.0, listing: int = 1) -> VersionRow:
    return VersionRow(uid=uid, version=version, payload=payload, seen=seen, listing=listing)


def test_an_object_nobody_saw_has_no_version(journal: Journal) -> None:
    assert journal.version(POLICIES, "u1") is None


def test_the_last_version_is_read_back_whole(journal: Journal) -> None:
    stored = replace(row("u1", version="77", payload=b'{"a":1}', seen=12.5, listing=3), changed=11.0)
    journal.put_version(POLICIES, stored)

    assert journal.version(POLICIES, "u1") == stored


def test_a_newer_version_takes_the_place_of_the_older(journal: Journal) -> None:
    journal.put_version(POLICIES, row("u1", version="1", payload=b"old"))
    journal.put_version(POLICIES, row("u1", version="2", payload=b"new", seen=9.0, listing=4))

    assert journal.version(POLICIES, "u1") == row("u1", version="2", payload=b"new", seen=9.0, listing=4)
    assert journal.version_count(POLICIES) == 1


def test_the_same_uid_under_two_kinds_is_two_objects(journal: Journal) -> None:
    journal.put_version(POLICIES, row("u1", payload=b"policy"))
    journal.put_version(PROFILES, row("u1", payload=b"profile"))
    journal.drop_version(POLICIES, "u1")

    assert journal.version(POLICIES, "u1") is None
    assert journal.version(PROFILES, "u1") == row("u1", payload=b"profile")


def test_dropping_what_is_not_there_is_no_error(journal: Journal) -> None:
    journal.drop_version(POLICIES, "u1")

    assert journal.version_count(POLICIES) == 0


def test_objects_the_listing_did_not_hold_are_found_oldest_listing_first(journal: Journal) -> None:
    journal.put_version(POLICIES, row("held", listing=5))
    journal.put_version(POLICIES, row("gone", listing=4))
    journal.put_version(POLICIES, row("long-gone", listing=2))
    journal.put_version(PROFILES, row("of-another-kind", listing=1))

    assert [found.uid for found in journal.versions_before(POLICIES, 5, limit=10)] == ["long-gone", "gone"]
    assert [found.uid for found in journal.versions_before(POLICIES, 5, limit=1)] == ["long-gone"]


def test_a_touched_object_belongs_to_the_new_listing_and_keeps_its_payload(journal: Journal) -> None:
    journal.put_version(POLICIES, row("u1", version="8", payload=b"same", listing=1))

    assert journal.touch_version(POLICIES, "u1", seen=50.0, listing=2, changed=49.0) is True
    touched = replace(row("u1", version="8", payload=b"same", seen=50.0, listing=2), changed=49.0)
    assert journal.version(POLICIES, "u1") == touched
    assert journal.versions_before(POLICIES, 2, limit=10) == []


def test_touching_an_unknown_object_says_so(journal: Journal) -> None:
    assert journal.touch_version(POLICIES, "u1", seen=1.0, listing=1, changed=None) is False
    assert journal.version_count(POLICIES) == 0


def test_a_version_moves_with_the_transaction_that_found_the_change(open_journal: OpenJournal) -> None:
    first = open_journal()
    first.put_version(POLICIES, row("u1", payload=b"old"))
    try:
        with first.transaction():
            first.receive(key="change", source="state", payload=b"old -> new")
            first.put_version(POLICIES, row("u1", payload=b"new"))
            raise KeyError
    except KeyError:
        first.close()

    again = open_journal()
    found = again.version(POLICIES, "u1")
    assert found is not None
    assert (found.payload, again.unsettled(limit=1)) == (b"old", [])
