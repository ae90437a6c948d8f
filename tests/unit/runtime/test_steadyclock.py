"""Which time it is when somebody sets the clock wrong, and when somebody sets it right."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditwatch.runtime.steadyclock import BELIEVED_SECONDS, LEAP_SECONDS, SteadyClock

START = 1_800_000_000.0


def told(looks: Sequence[tuple[float, float]]) -> list[float]:
    """What it says at looks of (seconds since the start, what the clock is off by then)."""
    walls, ticks = [START], [0.0]
    clock = SteadyClock(lambda: walls[-1], lambda: ticks[-1])
    found = []
    for at, off in looks:
        walls.append(START + at + off)
        ticks.append(at)
        found.append(clock() - START)
    return found


def test_a_moment_ahead_is_not_believed() -> None:
    assert told([(1.0, 0.0), (2.0, 3_600.0), (3.0, 3_600.0), (4.0, 0.0)]) == [1.0, 2.0, 3.0, 4.0]


def test_what_stands_is_believed() -> None:
    looks = [(1.0, 3_600.0), (20.0, 3_600.0), (1.0 + BELIEVED_SECONDS, 3_600.0), (60.0, 3_600.0)]

    assert told(looks) == [1.0, 20.0, 3_601.0 + BELIEVED_SECONDS, 3_660.0]


def test_two_moments_ahead_do_not_add_up() -> None:
    assert told([(1.0, 60.0), (20.0, 0.0), (25.0, 60.0), (40.0, 60.0)])[-1] == 40.0


def test_a_clock_set_back_is_believed_at_once() -> None:
    assert told([(1.0, -5_000.0), (2.0, -5_000.0)]) == [-4_999.0, -4_998.0]


@pytest.mark.parametrize("off", [-0.5, 0.0, LEAP_SECONDS])
def test_the_small_corrections_of_a_clock_that_is_kept_right_are_followed(off: float) -> None:
    assert told([(10.0, off)]) == [10.0 + off]


@given(st.lists(st.tuples(st.floats(0.01, 20.0), st.sampled_from([0.0, 0.0, 3_600.0])), max_size=40))
def test_it_is_never_ahead_of_the_clock_and_follows_it_in_the_end(steps: list[tuple[float, float]]) -> None:
    at, looks = 0.0, []
    for pause, off in steps:
        at += pause
        looks.append((at, off))
    found = told([*looks, (at + 1.0, 0.0)])

    assert all(time <= when + off + LEAP_SECONDS for time, (when, off) in zip(found, looks, strict=False))
    assert found[-1] == pytest.approx(at + 1.0)
