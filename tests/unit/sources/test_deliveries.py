"""Deliveries against a real journal: every net difference is received once, whatever breaks off in between."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from auditwatch.journal.journal import Journal
from auditwatch.sources.state.deliveries import ListingEnd, ListingPage, Recall, Watched
from auditwatch.sources.state.marks import Mark, read_mark
from auditwatch.sources.state.observation import Observation
from auditwatch.sources.state.streams import Stream
from tests.unit.sources.making import (
    POLICIES,
    START,
    STREAM,
    batch,
    changes,
    gaps,
    listing,
    open_journal,
    received,
    record,
    seen,
    told,
)


def test_the_first_listing_ever_is_met_in_silence(journal: Journal) -> None:
    record(journal, *listing(1, seen("a"), seen("b")))

    assert received(journal) == []
    assert journal.version_count(STREAM.key) == 2


def test_a_second_listing_tells_what_was_created_changed_and_deleted(journal: Journal) -> None:
    record(journal, *listing(1, seen("kept"), seen("changed", frequency="@daily"), seen("deleted")))
    record(journal, *listing(2, seen("kept"), seen("changed", version="2", frequency="@weekly"), seen("created")))

    assert told(journal) == [("update", "changed"), ("create", "created"), ("delete", "deleted")]


def test_an_update_carries_both_bodies_versions_and_bounds(journal: Journal) -> None:
    record(journal, *listing(1, seen(version="5", frequency="@daily"), at=START))
    record(journal, batch(seen(version="6", frequency="@weekly"), at=START + 9))

    [change] = changes(journal)

    assert (change.cluster, change.group, change.version, change.resource) == (
        "cluster-1",
        "config.kio.kasten.io",
        "v1alpha1",
        "policies",
    )
    assert (change.namespace, change.name, change.uid) == ("kasten-io", "daily", "uid-of-daily")
    assert change.old is not None
    assert change.new is not None
    assert (change.old["spec"], change.new["spec"]) == ({"frequency": "@daily"}, {"frequency": "@weekly"})
    assert (change.old_version, change.new_version) == ("5", "6")
    assert (change.not_before, change.observed, change.manner) == (START, START + 9, "Watch")


def test_a_created_object_was_not_there_at_the_last_proof_of_life(journal: Journal) -> None:
    record(journal, *listing(1, at=START), batch(at=START + 50), batch(seen("new"), at=START + 60))

    [change] = changes(journal)

    assert (change.verb, change.old, change.not_before) == ("create", None, START + 50)


def test_a_deleted_object_is_shown_as_it_was_last_known(journal: Journal) -> None:
    record(journal, *listing(1, seen(version="5", frequency="@daily")))
    record(journal, batch(Watched(seen(version="7", frequency="@weekly"), is_deletion=True)))

    [change] = changes(journal)

    assert (change.verb, change.new, change.old_version, change.new_version) == ("delete", None, "5", "")
    assert change.old is not None
    assert change.old["spec"] == {"frequency": "@daily"}
    assert journal.version_count(STREAM.key) == 0


def test_a_new_version_without_a_difference_is_no_change(journal: Journal) -> None:
    record(journal, *listing(1, seen(version="5")), batch(seen(version="6")))
    record(journal, *listing(2, seen(version="7")))

    assert received(journal) == []


def test_the_same_batch_twice_is_received_once(journal: Journal) -> None:
    record(journal, *listing(1, seen("a")))
    same = batch(seen("a", version="2", frequency="@weekly"), Watched(seen("gone"), is_deletion=True), seen("b"))

    record(journal, same, same)

    assert told(journal) == [("update", "a"), ("create", "b")]


def test_back_and_forth_within_a_batch_is_two_changes(journal: Journal) -> None:
    record(journal, *listing(1, seen(version="1", frequency="@daily")))
    record(journal, batch(seen(version="2", frequency="@weekly"), seen(version="3", frequency="@daily")))

    assert told(journal) == [("update", "daily"), ("update", "daily")]


def test_a_name_created_again_is_a_deletion_and_a_creation(journal: Journal) -> None:
    record(journal, *listing(1, seen(uid="first")))
    record(journal, *listing(2, seen(uid="second", version="9")))

    assert sorted((change.verb, change.uid) for change in changes(journal)) == [
        ("create", "second"),
        ("delete", "first"),
    ]


def test_a_listing_cut_in_half_deletes_nothing_and_its_repetition_repeats_nothing(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        record(journal, *listing(1, seen("a"), seen("b"), seen("c")))
        half, _ = listing(2, seen("a", version="2", frequency="@weekly"))
        record(journal, half)
        assert told(journal) == [("update", "a")]

    with open_journal(tmp_path) as journal:
        number = read_mark(journal, STREAM).started + 1
        record(journal, *listing(number, seen("a", version="2", frequency="@weekly"), seen("b")))

        assert told(journal) == [("update", "a"), ("delete", "c")]


def test_an_object_that_only_the_broken_listing_held_is_found_deleted(journal: Journal) -> None:
    record(journal, *listing(1, seen("a")))
    half, _ = listing(2, seen("a"), seen("short-lived"))
    record(journal, half, *listing(3, seen("a")))

    assert told(journal) == [("create", "short-lived"), ("delete", "short-lived")]


def test_a_first_listing_cut_in_half_is_still_the_first_one_when_repeated(journal: Journal) -> None:
    half, _ = listing(1, seen("a"))
    record(journal, half, *listing(2, seen("a"), seen("b")))

    assert received(journal) == []


def test_a_change_between_the_halves_of_a_first_listing_is_told(journal: Journal) -> None:
    half, _ = listing(1, seen("a", frequency="@daily"))
    record(journal, half, *listing(2, seen("a", version="2", frequency="@weekly")))

    assert told(journal) == [("update", "a")]


def test_a_page_of_a_listing_that_is_finished_is_ignored(journal: Journal) -> None:
    page, end = listing(1, seen("a", frequency="@daily"))
    record(journal, page, end, batch(seen("a", version="2", frequency="@weekly")))
    record(journal, page, end)

    assert told(journal) == [("update", "a")]


def test_deletions_of_more_than_one_bite_are_all_told(journal: Journal) -> None:
    names = [f"p{number}" for number in range(1203)]
    record(journal, *listing(1, *(seen(name) for name in names)), *listing(2, seen("p7")))

    assert sorted(name for verb, name in told(journal) if verb == "delete") == sorted(set(names) - {"p7"})


def test_what_one_namespace_lacks_is_not_deleted_in_another(journal: Journal) -> None:
    here, there = Stream("cluster-1", POLICIES, "a"), Stream("cluster-1", POLICIES, "b")
    record(journal, *listing(1, seen("x"), stream=here), *listing(1, seen("y"), stream=there))
    record(journal, *listing(2, seen("x"), stream=here))

    assert received(journal) == []


def test_lost_history_is_a_gap_from_the_last_proof_of_life_to_the_new_list(journal: Journal) -> None:
    record(journal, *listing(1, seen("a"), at=START), batch(at=START + 60))
    record(journal, *listing(2, at=START + 500, lost="the server has forgotten"))

    [gap] = gaps(journal)

    assert (gap.subject, gap.reason, gap.start, gap.end) == (
        "config.kio.kasten.io/policies",
        "HistoryLost",
        START + 60,
        START + 500,
    )
    assert "the server has forgotten" in gap.message
    assert told(journal) == [("delete", "a")]


def test_the_same_end_of_a_listing_twice_is_one_gap(journal: Journal) -> None:
    record(journal, *listing(1))
    page, end = listing(2, at=START + 5, lost="gone")
    record(journal, page, end, end)

    assert len(gaps(journal)) == 1


def test_losing_history_before_anything_was_known_is_no_gap(journal: Journal) -> None:
    record(journal, *listing(1, seen("a"), lost="the server has forgotten"))

    assert received(journal) == []


@pytest.mark.parametrize(("pause", "reasons"), [(60.0, []), (600.0, ["Downtime"])])
def test_a_list_long_after_the_last_one_is_a_gap(journal: Journal, pause: float, reasons: list[str]) -> None:
    record(journal, *listing(1, at=START), *listing(2, at=START + pause))

    assert [gap.reason for gap in gaps(journal)] == reasons


def test_the_mark_moves_with_what_was_seen(journal: Journal) -> None:
    record(journal, *listing(1, seen("a"), at=START, version="100"))
    assert read_mark(journal, STREAM) == Mark(version="100", observed=START, listing=1, started=1)

    record(journal, batch(seen("b"), at=START + 7, version="104"))
    assert read_mark(journal, STREAM) == Mark(version="104", observed=START + 7, listing=1, started=1)


def test_a_proof_of_life_without_a_version_keeps_the_version(journal: Journal) -> None:
    record(journal, *listing(1, version="100"), batch(at=START + 30, version=""))

    assert read_mark(journal, STREAM).version == "100"
    assert read_mark(journal, STREAM).observed == START + 30


def test_a_delivery_that_fails_leaves_neither_change_nor_mark(journal: Journal) -> None:
    record(journal, *listing(1, seen("a")))

    def fails() -> None:
        with journal.transaction():
            batch(seen("b"), at=START + 9, version="105").record(journal)
            raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        fails()

    assert received(journal) == []
    assert read_mark(journal, STREAM).version == "100"


def test_recalling_tells_the_mark_and_the_number_of_objects(journal: Journal) -> None:
    record(journal, *listing(3, seen("a"), seen("b"), version="77"))
    recall = Recall(stream=STREAM)

    record(journal, recall)

    assert (recall.mark.version, recall.mark.listing, recall.objects) == ("77", 3, 2)


def test_recalling_an_unknown_stream_tells_a_fresh_mark(journal: Journal) -> None:
    recall = Recall(stream=STREAM)

    record(journal, recall)

    assert (recall.mark, recall.objects) == (Mark(), 0)


def test_batches_and_listings_keep_count_of_the_objects(journal: Journal) -> None:
    page, end = listing(1, seen("a"), seen("b"))
    changed = batch(seen("c"), seen("d"), Watched(seen("a"), is_deletion=True))

    record(journal, page, end, changed)

    assert isinstance(end, ListingEnd)
    assert end.objects == 2
    assert changed.added == 1
    assert journal.version_count(STREAM.key) == 3


def test_the_size_of_a_page_grows_with_what_it_holds() -> None:
    def size(count: int) -> int:
        return ListingPage(stream=STREAM, number=1, observed=START, observations=[seen("a")] * count).size

    assert 0 < size(0) < size(1) < size(100)
    assert size(100) >= 100 * len(seen("a").payload)
    assert batch(seen("a")).size > batch().size


def test_a_body_that_becomes_unreadable_is_a_change_to_something_unknown(journal: Journal) -> None:
    from tests.unit.sources.test_observation import deep  # noqa: PLC0415 - the same hostile object

    record(journal, *listing(1, seen("daily", version="1")), batch(deep("daily", levels=3000, version="2")))

    [change] = changes(journal)

    assert (change.verb, change.name, change.new) == ("update", "daily", None)
    assert change.old is not None


def late(name: str, *, version: str, changed: float) -> Observation:
    """An event that tells of an earlier time."""
    return replace(seen(name, version=version, frequency=version), changed=changed)


def test_a_backlog_proves_nothing_about_now(journal: Journal) -> None:
    record(journal, *listing(1, seen("a"), at=START))
    backlog = [late("a", version=str(number), changed=START + number) for number in (10, 20)]

    record(journal, batch(backlog[0], at=START + 600), batch(backlog[1], at=START + 601, version="20"))

    assert [change.not_before for change in changes(journal)] == [START, START]
    assert read_mark(journal, STREAM).observed == START
    assert read_mark(journal, STREAM).version == "20"

    record(journal, batch(at=START + 602))
    assert read_mark(journal, STREAM).observed == START + 602


def test_two_changes_in_one_batch_have_the_same_bound(journal: Journal) -> None:
    record(journal, *listing(1, seen("a"), at=START))
    record(journal, batch(seen("a", version="2", x=1), seen("a", version="3", x=2), at=START + 5))

    assert [change.not_before for change in changes(journal)] == [START, START]


def test_a_full_batch_may_be_a_backlog(journal: Journal) -> None:
    record(journal, *listing(1, at=START), batch(*(seen(f"p{number}") for number in range(200)), at=START + 9))

    assert read_mark(journal, STREAM).observed == START


def test_a_page_of_a_broken_listing_narrows_the_bound_of_the_next(journal: Journal) -> None:
    record(journal, *listing(1, seen("a", x=1), at=START))
    half, _ = listing(2, seen("a", version="2", x=2), at=START + 10)
    record(journal, half, *listing(3, seen("a", version="3", x=3), at=START + 20))

    assert [change.not_before for change in changes(journal)] == [START, START + 10]


def test_changes_of_objects_without_versions_are_told_apart(journal: Journal) -> None:
    record(journal, *listing(1, seen("a", version="", x=1)))
    record(journal, *listing(2, seen("a", version="", x=2)), *listing(3, seen("a", version="", x=3)))

    assert told(journal) == [("update", "a"), ("update", "a")]


def signed(version: str, changed: float | None, manager: str = "helm", **spec: Any) -> Observation:
    """A policy whose newest ``managedFields`` entry is this manager's, of this time."""
    return replace(seen("a", version=version, **(spec or {"x": version})), changed=changed, manager=manager)


def signatures(journal: Journal) -> list[tuple[float | None, str]]:
    return [(change.changed, change.manager) for change in changes(journal)]


@pytest.mark.parametrize("newest", [START - 3, START - 900, None])
def test_a_write_that_left_no_newer_time_has_no_time_and_no_manager(journal: Journal, newest: float | None) -> None:
    record(journal, *listing(1, signed("1", START - 3)), batch(signed("2", newest), at=START + 5))

    assert signatures(journal) == [(None, "")]


def test_a_write_that_left_a_newer_time_has_it(journal: Journal) -> None:
    record(journal, *listing(1, signed("1", START - 3)), batch(signed("2", START - 2, "edit"), at=START + 5))

    assert signatures(journal) == [(START - 2, "edit")]


def test_the_time_of_a_write_under_the_watch_is_not_that_of_the_next(journal: Journal) -> None:
    record(journal, *listing(1, signed("1", START - 3)), batch(signed("2", START + 4), at=START + 5))
    record(journal, batch(signed("3", START + 4), at=START + 15))

    assert signatures(journal) == [(START + 4, "helm"), (None, "")]


@pytest.mark.parametrize("is_listed", [True, False])
def test_a_write_without_a_difference_has_the_time_it_left(journal: Journal, *, is_listed: bool) -> None:
    record(journal, *listing(1, signed("1", START - 3, x="same")))
    again = signed("2", START + 4, x="same")
    record(journal, *(listing(2, again, at=START + 5) if is_listed else [batch(again, at=START + 5)]))
    record(journal, batch(signed("3", START + 4, x="other"), at=START + 15))

    assert signatures(journal) == [(None, "")]


def test_a_write_under_the_watch_without_a_difference_does_not_narrow_the_bound(journal: Journal) -> None:
    record(journal, *listing(1, signed("1", START, x="same"), at=START))
    record(journal, batch(signed("2", START + 1, x="same"), at=START + 600))
    record(journal, *listing(2, signed("3", START + 2, x="other"), at=START + 700))

    assert [change.not_before for change in changes(journal)] == [START]


def test_what_was_known_before_times_were_kept_has_the_time_it_shows(journal: Journal) -> None:
    record(journal, *listing(1, signed("1", None)), batch(signed("2", START - 3), at=START + 5))

    assert signatures(journal) == [(START - 3, "helm")]
