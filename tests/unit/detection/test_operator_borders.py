"""Where operators begin and end to hold: equality, order, time and change, each at its border."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditwatch.detection.change_operators import ChangeOptions, change_predicate
from auditwatch.detection.changes import Change
from auditwatch.detection.measures import Measure, compare, duration, measure, number
from auditwatch.detection.operators import OperandError, seconds_of, value_predicate
from auditwatch.detection.values import MISSING, UNKNOWN

NEW_YEAR = 1767225600.0


def holds(operator: str, value: object, *operands: str, order: tuple[str, ...] = (), now: float = NEW_YEAR) -> bool:
    return value_predicate(operator, operands, order)(value, now)


@pytest.mark.parametrize(
    ("operator", "value", "operands", "expected"),
    [
        ("HasAll", ["a", "b"], ("a", "b"), True),
        ("HasAll", [], (), True),
        ("HasOnly", ["a", "b"], ("a", "b"), True),
        ("HasOnly", [], ("a",), True),
        ("HasAny", "a", ("a",), True),
        ("HasAny", "ab", ("a",), False),
        ("HasOnly", {"a": 1, "b": 2}, ("a",), False),
        ("HasAny", [1, True], ("true",), True),
        ("Equals", "3d", ("72h",), True),
        ("Equals", "1h", ("3600",), False),
        ("Equals", 3600, ("1h",), False),
        ("Equals", "7.0", ("7",), False),
        ("Equals", 7.0, ("7",), True),
        ("Equals", ["x", "a"], ("a",), True),
        ("InCIDR", "10.1.2.3", ("10.1.2.9/8",), True),
        ("InCIDR", "10.1.2.3", ("10.1.2.3",), True),
        ("InCIDR", "10.1.2.4", ("10.1.2.3",), False),
        ("InCIDR", ["8.8.8.8", "10.1.2.3"], ("10.0.0.0/8",), True),
        ("InCIDR", "10.1.2.3", ("::/0",), False),
        ("GreaterThan", "8", ("7", "9"), True),
        ("LessThan", "8", ("7", "9"), True),
        ("GreaterThan", "7h", ("0",), True),
        ("LessThan", "-1.5h", ("0",), True),
        ("GreaterThan", None, ("0",), False),
        ("Before", "2026-01-01T00:00:00Z", ("event",), False),
        ("After", "2026-01-01T00:00:00Z", ("event",), False),
        ("Before", "2025-12-31T23:59:59.999Z", ("event",), True),
        ("After", "2026-01-01T00:00:00.001Z", ("event",), True),
        ("After", "2026-01-01T00:00:00+01:00", ("event",), False),
        ("After", "2025-12-31T23:30:00-01:00", ("event",), True),
        ("After", "2026-01-01T00:00:01", ("event",), True),
        ("Before", "2026-01-01T00:00:00", ("2026-01-01T00:00:01",), True),
        ("Before", NEW_YEAR, ("event+1h",), False),
    ],
)
def test_an_operator_holds_up_to_its_border(
    operator: str, value: object, operands: tuple[str, ...], *, expected: bool
) -> None:
    assert holds(operator, value, *operands) is expected


@pytest.mark.parametrize(
    ("operator", "operand", "order", "words"),
    [
        ("GreaterThan", "many", (), "a number like 7 or a duration like 240h"),
        ("LessThan", "@often", ("@daily", "@hourly"), "one of the words of order (@daily, @hourly)"),
        ("InCIDR", "10.0.0.0/33", (), "'10.0.0.0/33' is no network"),
        ("Before", "event+soon", (), "'event+soon' is no time"),
        ("After", "event 72h", (), "'event 72h' is no time"),
        ("Matches", "(?=a)", (), "no RE2 expression"),
    ],
)
def test_an_operand_that_cannot_be_compared_with_is_told_with_what_to_write(
    operator: str, operand: str, order: tuple[str, ...], words: str
) -> None:
    with pytest.raises(OperandError) as told:
        value_predicate(operator, (operand,), order)

    assert words in str(told.value)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:00Z", 0.0),
        ("1970-01-01T00:00:00", 0.0),
        ("1970-01-01T01:00:00+01:00", 0.0),
        ("1970-01-01", 0.0),
        ("0001-01-01T00:00:00+14:00", -62135647200.0),
        ("yesterday", None),
        (0, None),
        (None, None),
    ],
)
def test_a_time_without_an_offset_is_utc_and_what_is_none_is_not_taken_for_one(
    text: Any, seconds: float | None
) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize(
    ("value", "amount", "seconds"),
    [
        ("7", 7.0, None),
        ("+7", 7.0, None),
        ("-7.5", -7.5, None),
        ("7.", None, None),
        (".5", None, None),
        ("1e3", None, None),
        ("0" * 64, 0.0, None),
        ("0" * 65, None, None),
        (True, None, None),
        (float("inf"), None, None),
        (float("nan"), None, None),
        (10**400, None, None),
        ("1h30m", None, 5400.0),
        ("-1h30m", None, -5400.0),
        ("+1.5h", None, 5400.0),
        ("1w2d", None, 777600.0),
        ("100ms", None, 0.1),
        ("1 h", None, None),
        ("h", None, None),
        ("1h-30m", None, None),
        ("1y", None, None),
        ("", None, None),
    ],
)
def test_numbers_and_durations_are_read_as_go_writes_them(
    value: object, amount: float | None, seconds: float | None
) -> None:
    assert number(value) == amount
    assert duration(value) == (None if seconds is None else pytest.approx(seconds))


MEASURES = st.builds(Measure, st.integers(-3, 3), st.sampled_from(["Number", "Duration", "Rank"]))


@given(left=MEASURES, right=MEASURES)
def test_what_is_compared_is_of_one_kind_or_a_bare_zero_and_turns_its_sign_with_its_sides(
    left: Measure, right: Measure
) -> None:
    found, turned = compare(left, right), compare(right, left)
    is_zero = Measure(0, "Number") in {left, right}

    assert (found is not None) is (left.unit == right.unit or is_zero)
    assert found is None or turned is None or found == -turned
    assert compare(None, right) is compare(left, None) is None


ORDER = ("@yearly", "@daily", "@hourly")


def test_a_word_is_ranked_by_its_place_in_the_order_alone() -> None:
    assert [measure(word, ORDER) for word in (*ORDER, "@often", "7", 7)] == [
        *(Measure(place, "Rank") for place in range(3)),
        *[None] * 3,
    ]


def changed(operator: str, old: object, new: object, **options: Any) -> bool | None:
    return change_predicate(operator, ChangeOptions(**options))(Change("spec.x", old, new))


@pytest.mark.parametrize(
    ("percent", "old", "new", "state"),
    [
        (50, 30, 15, True),
        (50, 30, 16, False),
        (50, 30, 0, True),
        (100, 30, 1, False),
        (100, 30, 0, True),
        (0, 30, 30, False),
        (0, 30, 29, True),
        (50, 0, -5, False),
        (50, -10, -20, False),
        (50, "48h", "24h", True),
        (50, "48h", 24, False),
        (50, 30, UNKNOWN, None),
        (50, UNKNOWN, 0, None),
        (50, 30, MISSING, False),
        (50, MISSING, 0, False),
    ],
)
def test_a_fall_by_percent_is_of_what_was_there_before(
    percent: int, old: object, new: object, *, state: bool | None
) -> None:
    assert changed("DecreasedBy", old, new, percent=percent) is state


@pytest.mark.parametrize(
    ("old", "new", "increased", "decreased"),
    [
        (7, 8, True, False),
        (7, 7, False, False),
        (8, 7, False, True),
        (7, MISSING, False, True),
        (MISSING, 7, True, False),
        (0, MISSING, False, False),
        ("x", 7, False, False),
        (UNKNOWN, MISSING, None, None),
    ],
)
def test_what_is_missing_counts_as_what_the_rule_says(
    old: object, new: object, *, increased: bool | None, decreased: bool | None
) -> None:
    assert changed("Increased", old, new, missing_as="0") is increased
    assert changed("Decreased", old, new, missing_as="0") is decreased


@pytest.mark.parametrize(
    ("old", "new", "state"),
    [
        ("@hourly", "@daily", True),
        ("@daily", "@hourly", False),
        ("@often", "@daily", None),
        ("@daily", "@often", None),
        ("@daily", MISSING, False),
        (MISSING, "@often", False),
    ],
)
def test_a_word_that_the_order_does_not_list_may_be_more_or_less(
    old: object, new: object, *, state: bool | None
) -> None:
    assert changed("Decreased", old, new, order=ORDER) is state


@pytest.mark.parametrize(
    ("operator", "old", "new", "state"),
    [
        ("ElementsAdded", MISSING, ["a"], True),
        ("ElementsAdded", ["a"], ["a"], False),
        ("ElementsAdded", ["a"], ["a", "a"], False),
        ("ElementsAdded", ["a"], [], False),
        ("ElementsAdded", UNKNOWN, [], False),
        ("ElementsAdded", UNKNOWN, MISSING, False),
        ("ElementsAdded", UNKNOWN, ["a"], None),
        ("ElementsAdded", ["a"], UNKNOWN, None),
        ("ElementsAdded", [1], [True], True),
        ("ElementsAdded", [1], [1.0], False),
        ("ElementsAdded", "a", ["a"], False),
        ("ElementsRemoved", ["a"], MISSING, True),
        ("ElementsRemoved", [], UNKNOWN, False),
        ("ElementsRemoved", ["a"], UNKNOWN, None),
        ("Appeared", MISSING, None, True),
        ("Appeared", "a", "b", False),
        ("Appeared", "a", UNKNOWN, False),
        ("Appeared", UNKNOWN, "a", None),
        ("Appeared", UNKNOWN, MISSING, False),
        ("Disappeared", "a", MISSING, True),
        ("Disappeared", UNKNOWN, MISSING, None),
        ("Disappeared", UNKNOWN, "a", False),
        ("Changed", 1, 1.0, False),
        ("Changed", 1, True, True),
        ("Changed", MISSING, "a", True),
        ("Changed", UNKNOWN, "a", None),
    ],
)
def test_a_change_is_told_as_far_as_both_sides_were_seen(
    operator: str, old: object, new: object, *, state: bool | None
) -> None:
    assert changed(operator, old, new) is state


@pytest.mark.parametrize(
    ("old", "new", "to", "from_"),
    [
        ("b", "a", True, False),
        ("a", "b", False, True),
        ("a", "a", False, False),
        (MISSING, "a", True, False),
        ("a", MISSING, False, True),
        (UNKNOWN, "a", None, None),
        (UNKNOWN, "b", False, None),
        ("a", UNKNOWN, None, None),
        ("b", UNKNOWN, None, False),
    ],
)
def test_what_something_became_or_was_is_told_where_it_differs(
    old: object, new: object, *, to: bool | None, from_: bool | None
) -> None:
    assert changed("ChangedTo", old, new, operands=["a"]) is to
    assert changed("ChangedFrom", old, new, operands=["a"]) is from_
    assert changed("ChangedTo", old, new, operands=["a"], named=True) is (True if old is UNKNOWN and new == "a" else to)
