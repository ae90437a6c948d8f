"""Operators on a value: what each means, for present, absent and unknown values."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditwatch.api.operators import SHAPES
from auditwatch.detection.change_operators import ChangeOptions, change_predicate
from auditwatch.detection.changes import Change
from auditwatch.detection.operators import NEGATED, OperandError, seconds_of, value_predicate
from auditwatch.detection.values import MISSING, UNKNOWN

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=()), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
SIDES = JSON | st.sampled_from([MISSING, UNKNOWN])
OPERANDS = {
    "InCIDR": ["10.0.0.0/8"],
    "GreaterThan": ["5"],
    "LessThan": ["240h"],
    "Before": ["event+72h"],
    "After": ["2027-01-01T00:00:00Z"],
}
VALUE_OPERATORS = [
    name
    for name, shape in SHAPES.items()
    if shape.subject != "Change" and name not in NEGATED and shape.operand != "None"
]
CHANGE_OPERATORS = [name for name, shape in SHAPES.items() if shape.subject == "Change"]


def _holds(operator: str, value: object, *operands: str, order: list[str] | None = None, now: float = 0.0) -> bool:
    return value_predicate(operator, operands, order or [])(value, now)


@pytest.mark.parametrize(
    ("operator", "value", "operands"),
    [
        ("Equals", "a", ["a"]),
        ("Equals", True, ["true"]),
        ("Equals", 7, ["7.0"]),
        ("Equals", "720h0m0s", ["720h"]),
        ("In", "b", ["a", "b"]),
        ("StartsWith", "k10-admin", ["x", "k10-"]),
        ("EndsWith", "k10-admin", ["-admin"]),
        ("Contains", "k10-admin", ["10-a"]),
        ("Glob", "k10-admin", ["k10-*"]),
        ("Matches", "k10-admin", ["^k[0-9]+"]),
        ("InCIDR", "10.1.2.3", ["10.0.0.0/8"]),
        ("InCIDR", "::ffff:10.1.2.3", ["10.0.0.0/8"]),
        ("InCIDR", "2001:db8::1", ["10.0.0.0/8", "2001:db8::/32"]),
        ("GreaterThan", 8, ["7"]),
        ("GreaterThan", "100h", ["3d"]),
        ("LessThan", "6", ["7"]),
        ("HasAny", ["a", "b"], ["b", "c"]),
        ("HasAll", ["a", "b", "c"], ["a", "b"]),
        ("HasOnly", ["a", "a"], ["a", "b"]),
        ("HasAny", {"a": 1}, ["a"]),
    ],
)
def test_an_operator_holds(operator: str, value: object, operands: list[str]) -> None:
    assert _holds(operator, value, *operands)


@pytest.mark.parametrize(
    ("operator", "value", "operands"),
    [
        ("Equals", "A", ["a"]),
        ("Equals", "007", ["7"]),
        ("Equals", 1, ["true"]),
        ("In", "c", ["a", "b"]),
        ("StartsWith", "admin", ["k10"]),
        ("Matches", "k10", ["^x"]),
        ("InCIDR", "11.1.2.3", ["10.0.0.0/8"]),
        ("InCIDR", "no address", ["0.0.0.0/0"]),
        ("GreaterThan", 7, ["7"]),
        ("GreaterThan", "text", ["7"]),
        ("GreaterThan", "5h", ["7"]),
        ("LessThan", True, ["7"]),
        ("HasAny", [], ["a"]),
        ("HasAll", ["a"], ["a", "b"]),
        ("HasOnly", ["a", "x"], ["a"]),
    ],
)
def test_an_operator_does_not_hold(operator: str, value: object, operands: list[str]) -> None:
    assert not _holds(operator, value, *operands)


def test_an_order_ranks_words() -> None:
    order = ["@yearly", "@daily", "@hourly"]
    assert _holds("LessThan", "@yearly", "@daily", order=order)
    assert not _holds("LessThan", "@hourly", "@daily", order=order)


def test_on_a_list_one_element_is_enough() -> None:
    assert _holds("StartsWith", ["x", "k10-a"], "k10-")
    assert not _holds("StartsWith", [], "k10-")


def test_times_are_compared_with_the_event() -> None:
    now = seconds_of("2026-01-01T00:00:00Z") or 0
    assert _holds("Before", "2026-01-03T23:59:59Z", "event+72h", now=now)
    assert not _holds("Before", "2026-01-04T00:00:01Z", "event+72h", now=now)
    assert _holds("After", "2026-01-01T00:00:01Z", "event", now=now)
    assert _holds("After", "2025-12-31T12:00:00Z", "event-1d", now=now)
    assert _holds("Before", "2026-01-01T00:30:00+01:00", "2026-01-01T00:00:00Z", now=now)
    assert not _holds("Before", "yesterday", "event", now=now)


@pytest.mark.parametrize(
    ("operator", "operand", "fix"),
    [
        ("InCIDR", "10.0.0", "10.0.0.0/8"),
        ("Matches", "a(b", "RE2"),
        ("GreaterThan", "many", "a number like 7"),
        ("Before", "soon", "event\\+72h"),
        ("Before", "event+soon", "event\\+72h"),
    ],
)
def test_an_operand_of_the_wrong_kind_is_told_with_the_fix(operator: str, operand: str, fix: str) -> None:
    with pytest.raises(OperandError, match=fix):
        value_predicate(operator, [operand])


@pytest.mark.parametrize("operator", VALUE_OPERATORS)
@given(value=JSON)
def test_no_json_makes_a_value_operator_raise(operator: str, value: object) -> None:
    assert _holds(operator, value, *OPERANDS.get(operator, ["a", "7"])) in {True, False}


@pytest.mark.parametrize("operator", CHANGE_OPERATORS)
@given(old=SIDES, new=SIDES)
def test_no_json_makes_a_change_operator_raise(operator: str, old: object, new: object) -> None:
    options = ChangeOptions(operands=["a", "7"], percent=50, missing_as="0", named=True)
    assert change_predicate(operator, options)(Change("p", old, new)) in {True, False, None}


@pytest.mark.parametrize("operator", CHANGE_OPERATORS)
@given(side=JSON)
def test_nothing_holds_for_a_change_nobody_saw(operator: str, side: object) -> None:
    options = ChangeOptions(operands=["a"], percent=50)
    for pair in ((UNKNOWN, side), (side, UNKNOWN), (UNKNOWN, UNKNOWN)):
        assert change_predicate(operator, options)(Change("p", *pair)) is not True


def _changed(operator: str, old: object, new: object, **options: Any) -> bool | None:
    return change_predicate(operator, ChangeOptions(**options))(Change("spec.x", old, new))


def test_changed_is_a_difference_of_json_values() -> None:
    assert _changed("Changed", 1, 2) is True
    assert _changed("Changed", 1, 1.0) is False
    assert _changed("Changed", 1, True) is True
    assert _changed("Changed", UNKNOWN, 1) is None


def test_changed_to_holds_when_it_was_something_else() -> None:
    assert _changed("ChangedTo", False, True, operands=["true"]) is True
    assert _changed("ChangedTo", MISSING, True, operands=["true"]) is True
    assert _changed("ChangedTo", True, True, operands=["true"]) is False
    assert _changed("ChangedTo", True, MISSING, operands=["true"]) is False


def test_changed_to_needs_no_old_value_where_a_request_named_the_path() -> None:
    assert _changed("ChangedTo", UNKNOWN, True, operands=["true"], named=True) is True
    assert _changed("ChangedTo", UNKNOWN, True, operands=["true"]) is None
    assert _changed("ChangedTo", UNKNOWN, False, operands=["true"]) is False
    assert _changed("ChangedTo", False, UNKNOWN, operands=["true"]) is None


def test_changed_from_holds_when_it_is_something_else_now() -> None:
    assert _changed("ChangedFrom", "a", MISSING, operands=["a"]) is True
    assert _changed("ChangedFrom", "b", "c", operands=["a"]) is False
    assert _changed("ChangedFrom", MISSING, "c", operands=["a"]) is False
    assert _changed("ChangedFrom", "a", UNKNOWN, operands=["a"]) is None
    assert _changed("ChangedFrom", UNKNOWN, "a", operands=["a"]) is None


def test_appearing_and_disappearing_are_each_others_mirror() -> None:
    assert _changed("Appeared", MISSING, 0) is True
    assert _changed("Disappeared", 0, MISSING) is True
    assert _changed("Appeared", 0, 1) is False
    assert _changed("Disappeared", MISSING, UNKNOWN) is False
    assert _changed("Appeared", MISSING, UNKNOWN) is None
    assert _changed("Disappeared", UNKNOWN, MISSING) is None


def test_lists_gain_and_lose_elements() -> None:
    assert _changed("ElementsAdded", ["a"], ["b", "a"]) is True
    assert _changed("ElementsAdded", ["a", "b"], ["b"]) is False
    assert _changed("ElementsRemoved", ["a", "b"], ["b"]) is True
    assert _changed("ElementsRemoved", ["a"], MISSING) is True
    assert _changed("ElementsAdded", MISSING, ["a"]) is True
    assert _changed("ElementsAdded", ["a"], ["a", "a"]) is False
    assert _changed("ElementsAdded", "a", ["a"]) is False
    assert _changed("ElementsAdded", [1], [True]) is True
    assert _changed("ElementsAdded", UNKNOWN, []) is False
    assert _changed("ElementsAdded", UNKNOWN, ["a"]) is None


def test_an_absent_side_is_not_compared_unless_the_rule_says_what_it_is() -> None:
    assert _changed("Decreased", 7, MISSING) is False
    assert _changed("Decreased", 7, MISSING, missing_as="0") is True
    assert _changed("Increased", MISSING, 7, missing_as="0") is True
    assert _changed("Decreased", MISSING, MISSING, missing_as="0") is False


def test_durations_decrease_by_length() -> None:
    assert _changed("Decreased", "720h0m0s", "100h") is True
    assert _changed("Increased", "24h", "48h0m0s") is True
    assert _changed("Decreased", "240h", MISSING, missing_as="0") is True


def test_text_neither_increases_nor_decreases() -> None:
    assert _changed("Decreased", "zebra", "ape") is False
    assert _changed("Decreased", True, False) is False


def test_frequencies_decrease_in_their_order() -> None:
    order = ["@yearly", "@daily", "@hourly"]
    assert _changed("Decreased", "@hourly", "@yearly", order=order) is True
    assert _changed("Decreased", "@daily", "@hourly", order=order) is False


def test_a_word_the_order_does_not_list_leaves_it_open() -> None:
    order = ["@daily", "@hourly"]
    assert _changed("Decreased", "@hourly", "0 3 * * *", order=order) is None
    assert _changed("Decreased", "@hourly", MISSING, order=order) is False


@pytest.mark.parametrize(("old", "new", "expected"), [(30, 15, True), (30, 16, False), (30, 0, True), (0, 0, False)])
def test_a_decrease_is_measured_in_percent_of_the_old_value(old: int, new: int, expected: object) -> None:
    assert _changed("DecreasedBy", old, new, percent=50) is expected


def test_an_increase_is_no_decrease_of_any_percentage() -> None:
    assert _changed("DecreasedBy", 10, 30, percent=1) is False
    assert _changed("DecreasedBy", 7, MISSING, percent=100, missing_as="0") is True


def test_missing_as_must_be_a_measure_itself() -> None:
    with pytest.raises(OperandError, match="missingAs 'none'"):
        change_predicate("Decreased", ChangeOptions(missing_as="none"))
