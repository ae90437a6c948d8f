"""The items of a where: which operator takes what, and one clear message for each thing written wrongly."""

from __future__ import annotations

from typing import Any

import pytest

from auditwatch.api.operators import NO_OPERAND, ONE_OPERAND, OPERATORS, SHAPES, taking
from auditwatch.api.where import TEST_VALIDATIONS
from tests.unit.api.rules import TEST, rule, said

NEEDS = "give this operator its operand: set exactly one of values, list and valueFrom"
TAKES_NONE = "this operator takes no operand: remove values, list and valueFrom"
ONE_VALUE = "this operator compares with one value: give values exactly one item, or use valueFrom"
PERCENT = "percent belongs to DecreasedBy, which needs it: set both or neither"
KINDS = "an item is one thing: set exactly one of a test (field and operator), macro, anyOf, noneOf and forAny"


def field_test(operator: str, **fields: Any) -> dict[str, Any]:
    return {"field": "object.spec.x", "operator": operator, **fields}


MANY_OPERANDS = tuple(operator for operator in OPERATORS if SHAPES[operator].operand == "Many")


def first(item: dict[str, Any]) -> list[str]:
    """What is said of an item that stands first in a where."""
    return [message.removeprefix("where[0]").removeprefix(": ") for message in said(rule(where=[item]))]


def complete(operator: str) -> dict[str, Any]:
    """The smallest sound test with an operator."""
    options: dict[str, Any] = {"percent": 50} if operator == "DecreasedBy" else {}
    return field_test(operator, **({} if operator in NO_OPERAND else {"values": ["1"]}), **options)


def test_every_operator_has_its_line_in_the_table() -> None:
    assert tuple(SHAPES) == OPERATORS


@pytest.mark.parametrize("operator", OPERATORS)
def test_each_operator_is_sound_with_just_what_it_needs(operator: str) -> None:
    assert first(complete(operator)) == []


@pytest.mark.parametrize("operator", [*ONE_OPERAND, *MANY_OPERANDS])
def test_an_operator_that_compares_needs_something_to_compare_with(operator: str) -> None:
    assert first(field_test(operator)) == [NEEDS]


@pytest.mark.parametrize("operator", [*ONE_OPERAND, *MANY_OPERANDS])
def test_an_operand_may_come_from_another_field(operator: str) -> None:
    assert first(field_test(operator, valueFrom="object.spec.y")) == []


@pytest.mark.parametrize("operator", [*ONE_OPERAND, *MANY_OPERANDS])
def test_two_operands_are_one_too_many(operator: str) -> None:
    assert first(field_test(operator, values=["1"], valueFrom="object.spec.y")) == [NEEDS]


@pytest.mark.parametrize("operator", MANY_OPERANDS)
def test_operators_of_many_values_take_a_list_by_name(operator: str) -> None:
    assert first(field_test(operator, list="known")) == []


@pytest.mark.parametrize("operator", ONE_OPERAND)
@pytest.mark.parametrize("operand", [{"values": ["1", "2"]}, {"list": "known"}])
def test_operators_of_one_value_refuse_several(operator: str, operand: dict[str, Any]) -> None:
    assert first(field_test(operator, **operand)) == [ONE_VALUE]


@pytest.mark.parametrize("operator", NO_OPERAND)
@pytest.mark.parametrize("operand", [{"values": ["1"]}, {"list": "known"}, {"valueFrom": "actor.id"}])
def test_operators_without_operand_refuse_one(operator: str, operand: dict[str, Any]) -> None:
    assert first({**complete(operator), **operand}) == [TAKES_NONE]


def test_only_a_decrease_by_a_share_has_a_percentage() -> None:
    assert first(field_test("DecreasedBy")) == [PERCENT]
    assert first(field_test("Decreased", percent=50)) == [PERCENT]


@pytest.mark.parametrize("percent", [0, 101])
def test_a_percentage_lies_between_one_and_a_hundred(percent: int) -> None:
    assert first(field_test("DecreasedBy", percent=percent))[0].startswith(".percent: must be at ")


@pytest.mark.parametrize("operator", OPERATORS)
def test_an_order_is_refused_where_nothing_is_ordered(operator: str) -> None:
    found = first({**complete(operator), "order": ["@yearly", "@daily"]})
    assert bool(found) == (operator not in taking("order"))


@pytest.mark.parametrize("operator", OPERATORS)
def test_a_stand_in_for_absence_is_refused_where_nothing_is_compared_with_before(operator: str) -> None:
    found = first({**complete(operator), "missingAs": "0"})
    assert bool(found) == (operator not in taking("missingAs"))


@pytest.mark.parametrize(
    "item",
    [
        {},
        {**TEST, "macro": "m"},
        {**TEST, "anyOf": [[TEST]]},
        {"macro": "m", "noneOf": [[TEST]]},
        {"forAny": {"path": "changes", "where": [TEST]}, "macro": "m"},
    ],
)
def test_an_item_is_one_thing(item: dict[str, Any]) -> None:
    assert first(item) == [KINDS]


@pytest.mark.parametrize("half", [{"field": "actor.id"}, {"operator": "Exists"}])
def test_half_a_test_is_told_its_other_half(half: dict[str, Any]) -> None:
    assert first(half) == ["a test has both: set field and operator"]


def test_a_misspelt_kind_gives_one_message_and_not_one_per_kind() -> None:
    assert first({"macr": "m"}) == [".macr: unknown field; did you mean macro?"]


def test_an_operand_that_is_no_string_is_told_to_be_quoted() -> None:
    assert first(field_test("In", values=[7])) == [".values[0]: must be a string: write it in quotes, not 7"]


def test_an_operand_that_yaml_made_true_is_told_to_be_quoted() -> None:
    assert first(field_test("Equals", values=[True])) == [".values[0]: must be a string: write it in quotes, not True"]


def test_a_mistyped_operator_is_told_what_was_meant() -> None:
    assert first(field_test("Equal", values=["1"]))[0].startswith(
        '.operator: unsupported value "Equal"; did you mean Equals?'
    )


@pytest.mark.parametrize(
    ("item", "path"),
    [
        ({"anyOf": [[TEST, field_test("Glob")]]}, ".anyOf[0][1]"),
        ({"noneOf": [[TEST], [field_test("Glob")]]}, ".noneOf[1][0]"),
        ({"forAny": {"path": "changes", "where": [TEST, field_test("Glob")]}}, ".forAny.where[1]"),
        ({"forAny": {"path": "changes", "where": [{"anyOf": [[field_test("Glob")]]}]}}, ".forAny.where[0].anyOf[0][0]"),
    ],
)
def test_a_mistake_deep_down_is_said_with_its_whole_path(item: dict[str, Any], path: str) -> None:
    assert first(item) == [f"{path}: {NEEDS}"]


@pytest.mark.parametrize(
    "item",
    [
        {"anyOf": [[{"anyOf": [[TEST]]}]]},
        {"noneOf": [[{"forAny": {"path": "changes", "where": [TEST]}}]]},
        {"forAny": {"path": "changes", "where": [{"noneOf": [[TEST]]}]}},
        {"forAny": {"path": "changes", "where": [{"forAny": {"path": "changes", "where": [TEST]}}]}},
    ],
)
def test_nesting_ends_where_the_language_ends(item: dict[str, Any]) -> None:
    assert "unknown field" in first(item)[0]


def test_several_mistakes_in_one_item_are_all_said() -> None:
    found = first(field_test("Exists", values=[7], percent=5, order=["a", "b"]))
    assert found[0].startswith(".values[0]: must be a string")
    assert found[1:3] == [TAKES_NONE, PERCENT]
    assert found[3].startswith("order says")


def test_no_message_is_used_twice_for_the_server() -> None:
    messages = [validation.message for validation in TEST_VALIDATIONS]
    assert len(set(messages)) == len(messages)


@pytest.mark.parametrize("operand", [{"values": ["x"]}, {"list": "known"}, {"valueFrom": "actor.id"}])
@pytest.mark.parametrize("kind", [{"macro": "m"}, {"anyOf": [[TEST]]}, {"noneOf": [[TEST]]}])
def test_an_operand_beside_what_is_no_test_is_not_passed_over(kind: dict[str, Any], operand: dict[str, Any]) -> None:
    told = "values, list and valueFrom belong to a test: set its field and operator, or remove them"
    assert first({**kind, **operand}) == [told]


@pytest.mark.parametrize(
    ("option", "words"),
    [({"percent": 50}, PERCENT), ({"order": ["a", "b"]}, "order says what is more"), ({"missingAs": "0"}, "missingAs")],
)
def test_an_option_beside_what_is_no_test_is_not_passed_over_at_any_depth(option: dict[str, Any], words: str) -> None:
    (message,) = first({"macro": "m", **option})
    assert message.startswith(words)
    (message,) = said(rule(where=[{"noneOf": [[{"macro": "m", **option}]]}]))
    assert message.startswith(f"where[0].noneOf[0][0]: {words}")
