"""Pruning takes from the old end, never above what was published, and never for long."""

from __future__ import annotations

import math
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditwatch.journal.journal import Journal
from tests.unit.journal.conftest import Clock, OpenJournal, fill


def sequences(journal: Journal) -> list[int]:
    return [record.sequence for record in journal.log_after(0, limit=100_000)]


def test_an_empty_log_has_nothing_to_prune(journal: Journal) -> None:
    assert journal.prune(keep_after=math.inf, keep_sequence=10) == 0


def test_rows_above_the_kept_sequence_stay_whatever_their_age(journal: Journal, clock: Clock) -> None:
    fill(journal, 10)
    clock.now += 1_000_000

    assert journal.prune(keep_after=clock.now, keep_sequence=4) == 4
    assert sequences(journal) == [5, 6, 7, 8, 9, 10]


def test_young_rows_stay_although_they_were_published(journal: Journal, clock: Clock) -> None:
    fill(journal, 3)
    clock.now += 100
    fill(journal, 3)

    assert journal.prune(keep_after=clock.now, keep_sequence=6) == 3
    assert sequences(journal) == [4, 5, 6]


def test_nothing_goes_where_nothing_was_published(journal: Journal) -> None:
    fill(journal, 3)

    assert journal.prune(keep_after=math.inf, keep_sequence=0) == 0
    assert sequences(journal) == [1, 2, 3]


def test_one_call_removes_a_bite_and_the_next_goes_on(journal: Journal) -> None:
    fill(journal, 10)

    removed = [journal.prune(keep_after=math.inf, keep_sequence=9, limit=4) for _ in range(4)]
    assert removed == [4, 4, 1, 0]
    assert sequences(journal) == [10]


def test_emptied_inbox_rows_go_with_their_log_rows_and_no_others(journal: Journal) -> None:
    for _ in range(4):
        fill(journal, 1)
    journal.receive(key="waiting", source="state", payload=b"not settled")
    journal.prune(keep_after=math.inf, keep_sequence=3)

    keys = [key for (key,) in journal._db.execute("SELECT key FROM inbox ORDER BY sequence")]
    assert keys == ["fill-4", "waiting"]
    assert [row.payload for row in journal.unsettled(limit=10)] == [b"not settled"]


def test_a_clock_set_back_does_not_make_rows_immortal_when_room_is_needed(journal: Journal, clock: Clock) -> None:
    clock.now += 10_000_000
    fill(journal, 2)
    clock.now -= 10_000_000

    assert journal.prune(keep_after=clock.now, keep_sequence=2) == 0
    assert journal.prune(keep_after=math.inf, keep_sequence=2) == 2


def test_pruned_pages_are_filled_again_before_the_file_grows(journal: Journal) -> None:
    fill(journal, 200, size=2_000)
    grown = journal._db.number("PRAGMA page_count")
    for _ in range(5):
        journal.prune(keep_after=math.inf, keep_sequence=journal.last_sequence())
        fill(journal, 200, size=2_000)

    assert journal._db.number("PRAGMA page_count") <= grown * 1.1


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.integers(1, 5), st.integers(0, 6), st.integers(-5, 40)), max_size=6))
def test_the_log_stays_one_stretch_and_keeps_all_that_is_young_or_unpublished(
    open_journal: OpenJournal, path: Path, clock: Clock, steps: list[tuple[int, int, int]]
) -> None:
    settled: dict[int, float] = {}
    published = 0
    with (
        TemporaryDirectory(dir=path.parent.parent) as directory,
        closing(open_journal(Path(directory) / "j")) as journal,
    ):
        for rows, told, age in steps:
            clock.now += 10
            fill(journal, rows)
            published, last = min(published + told, journal.last_sequence()), journal.last_sequence()
            settled.update(dict.fromkeys(range(last - rows + 1, last + 1), clock.now))
            journal.prune(keep_after=clock.now - age, keep_sequence=published)
            left = sequences(journal)
            assert left == list(range(last - len(left) + 1, last + 1))
            assert set(left) >= {sequence for sequence in settled if sequence > published}
            assert all(sequence > published or settled[sequence] >= clock.now - age for sequence in left)


def settle_into_nothing(journal: Journal, *keys: str) -> None:
    for key in keys:
        journal.receive(key=key, source="audit-log", payload=b"a request of our own")
    journal.settle(inbox=[row.sequence for row in journal.unsettled(limit=100)], rows=[])


def inbox_keys(journal: Journal) -> list[str]:
    return [str(key) for (key,) in journal._db.execute("SELECT key FROM inbox ORDER BY sequence")]


def test_what_settled_into_no_log_row_goes_by_its_age_where_the_log_is_empty(journal: Journal, clock: Clock) -> None:
    fill(journal, 1)
    journal.prune(keep_after=math.inf, keep_sequence=1)
    settle_into_nothing(journal, "old-1", "old-2")
    clock.now += 100
    settle_into_nothing(journal, "young")
    journal.receive(key="waiting", source="state", payload=b"not settled")

    assert journal.prune_inbox(keep_after=clock.now) == 2
    assert inbox_keys(journal) == ["young", "waiting"]


def test_what_settled_into_no_log_row_goes_though_there_never_was_one(journal: Journal) -> None:
    settle_into_nothing(journal, "a", "b", "c")

    assert [journal.prune_inbox(keep_after=math.inf, limit=2) for _ in range(3)] == [2, 1, 0]


def test_a_key_is_known_for_as_long_as_a_log_row_of_its_time_is_kept(journal: Journal, clock: Clock) -> None:
    fill(journal, 2)
    clock.now += 100

    assert journal.prune_inbox(keep_after=math.inf) == 0
    assert journal.receive(key="fill-1", source="state", payload=b"again") is False
