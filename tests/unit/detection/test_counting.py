"""Windows: how many within a timespan, in whatever order they arrive, counted once."""

from __future__ import annotations

import random
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditwatch.api.correlate import MOST_VALUES
from auditwatch.detection.counting import MAX_ENTRIES, Crossing, Entry, Window, add, sum_around

SPAN = 600.0


def _crossings(times: Sequence[float], threshold: int = 3, window: Window | None = None) -> list[Crossing | None]:
    window = window or Window()
    return [
        add(window, time=time, count=1, sequence=sequence, timespan=SPAN, threshold=threshold)
        for sequence, time in enumerate(times, start=1)
    ]


def _counts(times: Sequence[float], threshold: int = 3) -> list[int]:
    return [crossing.count if crossing else 0 for crossing in _crossings(times, threshold)]


def test_nothing_is_said_below_the_threshold() -> None:
    assert _counts([0, 1]) == [0, 0]


def test_crossing_reports_all_of_the_window_and_then_one_by_one() -> None:
    assert _counts([0, 1, 2, 3, 4]) == [0, 0, 3, 1, 1]


def test_the_bounds_of_a_window_belong_to_it() -> None:
    assert _counts([0, 1, SPAN]) == [0, 0, 3]
    assert _counts([0, 1, SPAN + 0.5]) == [0, 0, 0]


def test_what_is_counted_once_is_not_counted_for_the_next_incident() -> None:
    assert _counts([0, 1, 2, 1000, 1001, 1002]) == [0, 0, 3, 0, 0, 3]


def test_what_lies_before_a_full_window_is_neither_reported_nor_counted_with_it() -> None:
    assert _crossings([0, 1000, 1001, 1002])[-1] == Crossing(count=3, total=3, sequences=(2, 3, 4))
    assert _crossings([0, 1000, 1002, 1001])[-1] == Crossing(count=3, total=3, sequences=(2, 3, 4))


def test_a_late_arrival_completes_a_window_that_lies_back() -> None:
    assert _counts([0, 500, 1000, 100]) == [0, 0, 0, 3]


def test_what_arrives_when_two_timespans_are_over_is_not_counted_with_what_is_forgotten() -> None:
    assert _counts([0, 1, 2000, 3500, 5000, 2]) == [0, 0, 0, 0, 0, 0]


YEARS = 10 * 365 * 86_400.0


@pytest.mark.parametrize("wrong", [YEARS, 1300.0, -YEARS])
def test_one_wrong_time_neither_ends_what_is_counted_nor_what_comes_after(wrong: float) -> None:
    assert _counts([0, 1, wrong, 2, 3]) == [0, 0, 0, 3, 1]
    assert _counts([wrong, 0, wrong, 1, wrong, 2], threshold=3)[1::2] == [0, 0, 3]


@pytest.mark.parametrize("kept", [[YEARS], [YEARS, YEARS + 1], [YEARS - 1, YEARS, YEARS + 2000]])
def test_what_was_saved_of_the_future_makes_a_window_deaf_no_more(kept: list[float]) -> None:
    window = Window([Entry(time, 1, sequence) for sequence, time in enumerate(kept, start=1)])
    again = msgspec.msgpack.decode(msgspec.msgpack.encode(window), type=Window)
    times = [0.0, 1.0, 2.0]
    crossings = [
        add(again, time=time, count=1, sequence=9 + index, timespan=SPAN, threshold=3)
        for index, time in enumerate(times)
    ]
    assert [crossing.count if crossing else 0 for crossing in crossings] == [0, 0, 3]


@given(
    st.lists(st.integers(0, 5000), min_size=1, max_size=50).map(sorted),
    st.integers(0, 50),
    st.floats(-1e10, 1e10),
    st.integers(2, 6),
)
def test_whatever_time_one_event_has_all_others_are_counted(
    times: list[int], place: int, wrong: float, threshold: int
) -> None:
    disturbed = [*times[:place], wrong, *times[place:]]
    assert sum(_counts(disturbed, threshold)) >= sum(_counts(times, threshold))


def test_a_thousand_wrong_times_neither_fill_a_window_nor_hide_what_comes_after() -> None:
    window = Window()
    times = [YEARS + index * 2000 for index in range(1000)]
    crossings = _crossings([*times, 0, 1, 2], 3, window)
    assert crossings[-1] is not None
    assert crossings[-1].count == 3
    assert len(window.entries) <= MAX_ENTRIES


def test_a_crossing_names_the_rows_it_rests_on() -> None:
    crossing = _crossings([5, 6, 4])[-1]
    assert crossing == Crossing(count=3, total=3, sequences=(1, 2, 3))


def test_one_activity_may_count_many() -> None:
    window = Window()
    crossing = add(window, time=0, count=50, sequence=1, timespan=SPAN, threshold=10)
    assert crossing is not None
    assert crossing.count == 50


@given(st.lists(st.integers(0, 1200), min_size=1, max_size=40), st.randoms(use_true_random=False), st.integers(1, 6))
def test_the_sum_reported_does_not_depend_on_the_order(
    times: list[int], shuffle: random.Random, threshold: int
) -> None:
    shuffled = list(times)
    shuffle.shuffle(shuffled)
    assert sum(_counts(times, threshold)) == sum(_counts(shuffled, threshold))


@given(st.lists(st.integers(0, 1200), min_size=1, max_size=40), st.integers(1, 6))
def test_what_is_reported_is_what_stands_in_a_full_window(times: list[int], threshold: int) -> None:
    full = {
        time
        for start in times
        if sum(start <= other <= start + SPAN for other in times) >= threshold
        for time in times
        if start <= time <= start + SPAN
    }
    assert sum(_counts(times, threshold)) == sum(time in full for time in times)


@given(st.lists(st.floats(0, 10_000), max_size=300))
def test_a_window_stays_small(times: list[float]) -> None:
    window = Window()
    _crossings(times, 10, window)
    assert len(window.entries) <= MAX_ENTRIES
    assert [entry.time for entry in window.entries] == sorted(entry.time for entry in window.entries)


def test_a_flood_is_counted_though_the_window_stays_small() -> None:
    times = [index * 0.5 for index in range(1000)]
    assert sum(_counts(times, 10)) == 1000


def test_a_window_survives_being_saved() -> None:
    window = Window()
    _crossings([0, 1], window=window)
    again = msgspec.msgpack.decode(msgspec.msgpack.encode(window), type=Window)
    assert again == window
    crossing = add(again, time=2, count=1, sequence=3, timespan=SPAN, threshold=3)
    assert crossing is not None
    assert crossing.count == 3


@pytest.mark.parametrize(("time", "held"), [(-1.0, 1), (0.0, 2), (600.0, 2), (601.0, 2), (1200.2, 1), (1201.0, 0)])
def test_the_most_that_a_window_around_a_time_holds(time: float, held: int) -> None:
    window = Window()
    _crossings([0, 600, 600.5], 99, window)
    assert sum_around(window, time, SPAN) == held


# Different values


def _of_values(times: Sequence[tuple[float, int]], threshold: int = 3, window: Window | None = None) -> list[int]:
    """What is reported of each (time, value)."""
    window = window or Window()
    crossings = [
        add(window, time=time, count=1, sequence=sequence, timespan=SPAN, threshold=threshold, value=value)
        for sequence, (time, value) in enumerate(times, start=1)
    ]
    return [crossing.count if crossing else 0 for crossing in crossings]


def test_whoever_repeats_one_thing_does_not_try_many() -> None:
    assert _of_values([(index, 7) for index in range(1000)]) == [0] * 1000


def test_so_many_different_things_are_reported_with_all_that_was_repeated() -> None:
    assert _of_values([(0, 1), (1, 1), (2, 2), (3, 1), (4, 3), (5, 1), (6, 4)]) == [0, 0, 0, 0, 5, 1, 1]


def test_different_things_that_lie_apart_are_not_many() -> None:
    assert _of_values([(0, 1), (SPAN, 2), (2 * SPAN, 3)]) == [0, 0, 0]


def test_what_is_repeated_for_ever_does_not_push_out_the_others() -> None:
    noise = [(index * 0.1, 7) for index in range(2000)]
    others = [(50.0, 1), (90.0, 2), (130.0, 3), (170.0, 4)]
    window = Window()
    assert sum(_of_values(sorted([*noise, *others]), 6, window)) == 0
    assert sum(_of_values([(200.0, 5)], 6, window)) >= 6
    assert len(window.entries) <= MAX_ENTRIES


def test_the_highest_threshold_is_met_beside_a_flood() -> None:
    noise = [(index * 0.25, value) for index in range(1000) for value in (101, 102)]
    others = [(5.0 + 7 * value, value) for value in range(MOST_VALUES - 2)]
    assert sum(_of_values(sorted([*noise, *others]), MOST_VALUES)) > MOST_VALUES


def test_a_value_of_a_wrong_time_does_not_take_the_others_of_its_kind_along() -> None:
    window = Window()
    _of_values([(0, 1), (YEARS, 1), *((float(index), 9) for index in range(100))], 3, window)
    assert sum(_of_values([(101, 2)], 3, window)) > 0


def test_a_window_saved_before_there_were_values_is_read() -> None:
    saved = msgspec.msgpack.encode([[[0.0, 1, 1, 0], [1.0, 2, 2, 1]]])
    assert msgspec.msgpack.decode(saved, type=Window) == Window([Entry(0.0, 1, 1), Entry(1.0, 2, 2, 1)])


TIMES_AND_VALUES = st.lists(st.tuples(st.integers(0, 1200), st.integers(0, 5)), min_size=1, max_size=40)


@given(TIMES_AND_VALUES, st.randoms(use_true_random=False), st.integers(1, 6))
def test_the_sum_reported_of_values_does_not_depend_on_the_order(
    times: list[tuple[int, int]], shuffle: random.Random, threshold: int
) -> None:
    shuffled = list(times)
    shuffle.shuffle(shuffled)
    assert sum(_of_values(times, threshold)) == sum(_of_values(shuffled, threshold))


@given(TIMES_AND_VALUES, st.integers(1, 6))
def test_what_is_reported_of_values_is_what_stands_in_a_full_window(
    times: list[tuple[int, int]], threshold: int
) -> None:
    full = {
        time
        for start, _ in times
        if len({value for other, value in times if start <= other <= start + SPAN}) >= threshold
        for time, _ in times
        if start <= time <= start + SPAN
    }
    assert sum(_of_values(times, threshold)) == sum(time in full for time, _ in times)


@given(st.lists(st.tuples(st.floats(0, 10_000), st.integers(0, 100)), max_size=300))
def test_a_window_of_values_stays_small_and_in_order(times: list[tuple[float, int]]) -> None:
    window = Window()
    _of_values(times, 10, window)
    assert len(window.entries) <= MAX_ENTRIES
    assert [entry.time for entry in window.entries] == sorted(entry.time for entry in window.entries)


@given(st.lists(st.tuples(st.floats(0, 5_000), st.integers(0, 40)), max_size=200))
def test_nothing_is_reported_twice_of_values(times: list[tuple[float, int]]) -> None:
    assert sum(_of_values(times, 4)) <= len(times)
