"""A thousand repeats are three requests, and a drip is told every half hour."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from auditwatch.outputs.events.series import Told, next_step


def requests_for(counts: list[int], *, apart: float) -> int:
    told: Told | None = None
    sent = 0
    for index, count in enumerate(counts):
        if next_step(told, count=count, now=index * apart) != "Nothing":
            told = Told(count, index * apart)
            sent += 1
    return sent


def test_the_first_sight_is_an_event_of_its_own() -> None:
    assert next_step(None, count=1, now=0.0) == "Create"


def test_the_first_repeat_is_told_at_once() -> None:
    assert next_step(Told(1, 0.0), count=2, now=0.1) == "Patch"


def test_nothing_new_is_not_told() -> None:
    assert next_step(Told(5, 0.0), count=5, now=1e9) == "Nothing"


def test_growth_is_told_when_it_is_large() -> None:
    assert next_step(Told(2, 0.0), count=63, now=1.0) == "Nothing"
    assert next_step(Told(2, 0.0), count=64, now=1.0) == "Patch"


def test_a_drip_is_told_after_half_an_hour() -> None:
    assert next_step(Told(2, 0.0), count=3, now=1799.0) == "Nothing"
    assert next_step(Told(2, 0.0), count=3, now=1800.0) == "Patch"


def test_a_thousand_repeats_are_at_most_three_requests() -> None:
    assert requests_for(list(range(1, 1001)), apart=0.01) == 3


@settings(deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=200))
def test_however_they_come_a_thousand_repeats_are_at_most_three_requests(steps: list[int]) -> None:
    counts = [sum(steps[: index + 1]) for index in range(len(steps))]

    assert requests_for([count for count in counts if count <= 1000], apart=0.01) <= 3
