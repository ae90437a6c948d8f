"""Numbers, durations and frequencies, compared as what they are."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditwatch.detection.measures import Measure, compare, duration, measure, number

ORDER = ["@yearly", "@monthly", "@weekly", "@daily", "@hourly"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [(7, 7), ("12", 12), ("-1.5", -1.5), (0.5, 0.5), (Decimal("1.5"), 1.5), ("+3", 3)],
)
def test_a_number_is_read_from_json_and_from_text(value: object, expected: float) -> None:
    assert number(value) == expected


@pytest.mark.parametrize("value", [True, None, "", "7 ", "0x7", "1e5", "NaN", "Inf", [7], {}, "\u0667"])
def test_what_is_no_number_is_none(value: object) -> None:
    assert number(value) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("240h", 864_000),
        ("720h0m0s", 2_592_000),
        ("1.5h", 5400),
        ("-2m", -120),
        ("3d", 259_200),
        ("1w", 604_800),
        ("5ms", 0.005),
    ],
)
def test_a_duration_is_its_seconds(text: str, seconds: float) -> None:
    assert duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("value", ["", "h", "5", "5 h", "5H", "1h-2m", 5.5, None, "5h" * 40])
def test_what_is_no_duration_is_none(value: object) -> None:
    assert duration(value) is None


def _compare(left: Any, right: Any) -> float | None:
    return compare(measure(left), measure(right))


def test_durations_compare_by_length_and_not_by_text() -> None:
    assert (_compare("72h", "9h") or 0) > 0
    assert _compare("24h", "1d") == 0


def test_a_number_and_a_duration_cannot_be_compared() -> None:
    assert _compare(5, "5h") is None
    assert _compare("x", 5) is None


def test_zero_is_zero_of_anything() -> None:
    assert _compare("0", "5h") == -18_000
    assert _compare("5h", 0) == 18_000


def test_an_order_ranks_its_words_and_no_others() -> None:
    assert (compare(measure("@hourly", ORDER), measure("@daily", ORDER)) or 0) > 0
    assert measure("@never", ORDER) is None
    assert measure(7, ORDER) is None
    assert measure("@yearly", ORDER) == Measure(0, "Rank")


def test_a_number_that_cannot_be_compared_is_none() -> None:
    assert number(10**400) is None
    assert number(float("nan")) is None
    assert number(float("inf")) is None


@given(st.integers(-(10**6), 10**6), st.integers(-(10**6), 10**6))
def test_comparing_the_other_way_round_turns_the_sign(left: int, right: int) -> None:
    assert _compare(left, right) == -(_compare(right, left) or 0)
