"""Present, absent and unknown, for each operator, through anyOf, noneOf and forAny, and in what may rest on them."""

from __future__ import annotations

from itertools import product
from typing import Any

import msgspec
import pytest

from auditwatch.api.operators import SHAPES
from auditwatch.events.activity import Activity

from .building import POLICIES, altered, audited, change, compiled, rule_set, signals

UNSEEN = msgspec.UNSET
HEAD = """
- name: probe
  severity: Medium
  title: "{target.name}"
  match: {apiGroups: [config.kio.kasten.io], resources: [policies]}
  onUnknown: {severity: Low, title: "{target.name}, unknown"}
"""
HOLDS: dict[str, tuple[str, Any, Any]] = {
    "Equals": ("values: [a]", "a", "b"),
    "NotEquals": ("values: [a]", "b", "a"),
    "In": ("values: [a, b]", "b", "c"),
    "NotIn": ("values: [a, b]", "c", "b"),
    "StartsWith": ("values: [k10-]", "k10-a", "a-k10-"),
    "EndsWith": ("values: [-k10]", "a-k10", "-k10-a"),
    "Contains": ("values: [k10]", "a-k10-b", "k-10"),
    "Glob": ('values: ["k*0"]', "k10", "k10a"),
    "Matches": ('values: ["^k[0-9]+$"]', "k10", "k"),
    "InCIDR": ("values: [10.0.0.0/8]", "10.9.9.9", "11.0.0.0"),
    "NotInCIDR": ("values: [10.0.0.0/8]", "11.0.0.0", "10.0.0.0"),
    "GreaterThan": ('values: ["7"]', 8, 7),
    "LessThan": ('values: ["7"]', 6, 7),
    "Before": ('values: ["2026-01-01T00:00:00Z"]', "2025-12-31T23:59:59Z", "2026-01-01T00:00:00Z"),
    "After": ('values: ["2026-01-01T00:00:00Z"]', "2026-01-01T00:00:01Z", "2026-01-01T00:00:00Z"),
    "HasAny": ("values: [a, b]", ["b", "c"], ["c"]),
    "HasAll": ("values: [a, b]", ["a", "b", "c"], ["a", "c"]),
    "HasNone": ("values: [a, b]", ["c"], ["c", "a"]),
    "HasOnly": ("values: [a, b]", ["a"], ["a", "c"]),
}
"""By operator: what it is written with, a value it holds of and one it does not."""
NEGATED = {"NotEquals", "NotIn", "NotInCIDR", "HasNone"}


def row(value: Any) -> Activity:
    """A policy with ``spec.x`` of this value; ``...``: without one; UNSET: nobody saw the policy."""
    body = {"metadata": {"name": "daily"}, "spec": {} if value is ... else {"x": value}}
    return altered(change({}, {}), object=UNSEEN if value is UNSEEN else body, old_object=UNSEEN)


def truth(where: str, *rows: Activity, more: str = "") -> bool | None:
    """What a where says of a row, told from the severity of the finding."""
    severities = [signal.severity for signal in signals(f"{HEAD}  where: {where}\n{more}", *rows)]
    return {(): False, ("Medium",): True, ("Low",): None}[tuple(severities)]


def of_x(operator: str, operand: str = "") -> str:
    return f"{{field: object.spec.x, operator: {operator}{', ' if operand else ''}{operand}}}"


def test_every_operator_on_a_value_is_in_the_table() -> None:
    on_values = {name for name, shape in SHAPES.items() if shape.subject != "Change" and shape.operand != "None"}

    assert on_values == set(HOLDS)


@pytest.mark.parametrize("operator", HOLDS)
def test_an_operator_tells_what_holds_from_what_does_not_and_from_what_nobody_saw(operator: str) -> None:
    operand, good, bad = HOLDS[operator]
    where = f"[{of_x(operator, operand)}]"

    assert [truth(where, row(value)) for value in (good, bad, UNSEEN)] == [True, False, None]


@pytest.mark.parametrize("operator", HOLDS)
def test_what_is_absent_satisfies_the_negated_operators_alone(operator: str) -> None:
    assert truth(f"[{of_x(operator, HOLDS[operator][0])}]", row(...)) is (operator in NEGATED)


@pytest.mark.parametrize(
    ("operator", "values"),
    [("Exists", (True, False, None)), ("DoesNotExist", (False, True, None)), ("IsUnknown", (False, False, True))],
)
def test_presence_is_told_of_what_was_seen(operator: str, values: tuple[bool | None, ...]) -> None:
    assert tuple(truth(f"[{of_x(operator)}]", row(value)) for value in ("a", ..., UNSEEN)) == values


STATES = (True, False, None)
ONE = {
    True: "{field: target.name, operator: Exists}",
    False: "{field: target.name, operator: DoesNotExist}",
    None: "{field: client.ip, operator: Exists}",
}
"""A test of each truth, of a change that watched state showed."""
SEEN = change({"spec": {"x": 1}}, {"spec": {"x": 2}})


def kleene_or(*states: bool | None) -> bool | None:
    return True if True in states else None if None in states else False


def kleene_and(*states: bool | None) -> bool | None:
    return False if False in states else None if None in states else True


@pytest.mark.parametrize("states", list(product(STATES, repeat=3)))
def test_unknown_goes_through_lists_alternatives_and_their_negation_as_kleene_has_it(
    states: tuple[bool | None, ...],
) -> None:
    a, b, c = (ONE[state] for state in states)
    negated = {True: False, False: True, None: None}
    x, y, z = states

    assert truth(f"[{a}, {b}, {c}]", SEEN) is kleene_and(x, y, z)
    assert truth(f"[{{anyOf: [[{a}, {b}], [{c}]]}}]", SEEN) is kleene_or(kleene_and(x, y), z)
    assert truth(f"[{{noneOf: [[{a}, {b}], [{c}]]}}]", SEEN) is negated[kleene_or(kleene_and(x, y), z)]
    assert truth(f"[{a}, {{anyOf: [[{b}], [{c}]]}}]", SEEN) is kleene_and(x, kleene_or(y, z))


@pytest.mark.parametrize(
    ("items", "state"),
    [
        (["a", "b"], True),
        (["b"], False),
        ([], False),
        (..., False),
        ("a", False),
        ({"k": "a"}, True),
        ({"a": "k"}, False),
        (UNSEEN, None),
    ],
)
def test_for_any_is_about_elements_of_what_was_seen(items: Any, *, state: bool | None) -> None:
    where = "[{forAny: {path: object.spec.x, where: [{field: $, operator: Equals, values: [a]}]}}]"

    assert truth(where, row(items)) is state


@pytest.mark.parametrize(
    ("only", "old", "new", "state"),
    [
        ("New", ["a"], ["a", "b"], True),
        ("New", ["b"], ["b", "a"], False),
        ("New", UNSEEN, ["b"], None),
        ("New", UNSEEN, ["a"], False),
        ("New", ["b"], UNSEEN, None),
        ("New", UNSEEN, [], False),
        ("Gone", ["a", "b"], ["a"], True),
        ("Gone", ["b"], ["b"], False),
        ("Gone", ["b"], UNSEEN, None),
        ("Gone", ["a"], UNSEEN, False),
        ("Any", UNSEEN, ["b"], True),
    ],
)
def test_an_element_is_new_or_gone_only_as_far_as_the_other_side_was_seen(
    only: str, old: Any, new: Any, *, state: bool | None
) -> None:
    where = f"[{{forAny: {{path: object.spec.x, only: {only}, where: [{{field: $, operator: Equals, values: [b]}}]}}}}]"
    before, after = (UNSEEN if side is UNSEEN else {"spec": {"x": side}} for side in (old, new))

    assert truth(where, altered(SEEN, object=after, old_object=before)) is state


@pytest.mark.parametrize("state", STATES)
def test_only_what_is_known_to_hold_mutes_or_raises(*, state: bool | None) -> None:
    test = ONE[state]
    muted = f"  except:\n  - {{name: x, reason: y, where: [{test}]}}\n"
    raised = f"  severityWhen:\n  - {{severity: High, where: [{test}]}}\n"
    seen = altered(audited(verb="update"), client=UNSEEN)
    (one,), (other,) = (signals(f"{HEAD}{more}", seen) for more in (muted, raised))

    assert one.emits_finding is (state is not True)
    assert other.severity == ("High" if state is True else "Medium")


def test_a_rule_without_a_word_on_the_unknown_does_not_match_it() -> None:
    rule = "\n".join(line for line in HEAD.splitlines() if "onUnknown" not in line)
    where = f"  where: [{ONE[None]}]\n"

    assert signals(f"{rule}\n{where}", SEEN) == []
    assert len(signals(f"{rule}\n", SEEN)) == 1


@pytest.mark.parametrize(
    ("operand", "value", "state"),
    [
        ("spec.y", "same", True),
        ("spec.z", "same", False),
        ("spec.list", "same", True),
        ("spec.none", "same", False),
    ],
)
def test_an_operand_from_another_field_is_as_absent_as_that_field(operand: str, value: str, *, state: bool) -> None:
    body = {"metadata": {"name": "daily"}, "spec": {"x": value, "y": "same", "z": "other", "list": ["no", "same"]}}
    seen = altered(change({}, {}, kind=POLICIES), object=body)

    assert truth(f"[{of_x('In', f'valueFrom: object.{operand}')}]", seen) is state
    assert truth(f"[{of_x('NotIn', f'valueFrom: object.{operand}')}]", seen) is not state
    assert truth(f"[{of_x('In', 'valueFrom: client.ip')}]", seen) is None


def became(old: Any, new: Any) -> Activity:
    """A policy whose ``spec.x`` was changed."""
    return change(*({"metadata": {"name": "daily"}, "spec": {} if x is ... else {"x": x}} for x in (old, new)))


@pytest.mark.parametrize(
    ("written", "old", "new", "state"),
    [
        ("DecreasedBy, percent: 50", 30, 15, True),
        ("DecreasedBy, percent: 50", 30, 16, False),
        ('Decreased, missingAs: "0"', 30, ..., True),
        ("Decreased", 30, ..., False),
        ('Decreased, order: ["@daily", "@hourly"]', "@hourly", "@daily", True),
        ('Decreased, order: ["@hourly", "@daily"]', "@hourly", "@daily", False),
        ('Decreased, order: ["@daily", "@hourly"]', "@often", "@daily", None),
        ("ChangedTo, values: [a]", "b", "a", True),
        ("ChangedTo, values: [b]", "b", "a", False),
        ("ChangedFrom, values: [b]", "b", "a", True),
        ("Disappeared", "b", ..., True),
        ("Appeared", ..., "a", True),
        ('GreaterThan, order: ["@daily", "@hourly"], values: ["@daily"]', "x", "@hourly", True),
        ('GreaterThan, order: ["@hourly", "@daily"], values: ["@daily"]', "x", "@hourly", False),
    ],
)
def test_what_a_test_adds_to_its_operator_decides(written: str, old: Any, new: Any, *, state: bool | None) -> None:
    assert truth(f"[{{field: object.spec.x, operator: {written}}}]", became(old, new)) is state


@pytest.mark.parametrize("flaw", ["{field: object.spec.x, operator: Changed, valueFrom: object.spec.y}"])
def test_a_change_is_compared_with_no_other_field(flaw: str) -> None:
    _, problems = compiled(f"{HEAD}  where: [{flaw}]\n")

    assert problems
    assert all(problem.fatal for problem in problems)


def test_a_name_in_a_query_is_no_more_told_by_state_than_the_request_is() -> None:
    where = "[{field: request.query.limit, operator: Exists}]"
    uri = "/apis/config.kio.kasten.io/v1alpha1/namespaces/kasten-io/policies/daily?limit=5"

    assert truth(where, SEEN) is None
    assert truth(where, audited(requestURI=uri)) is True
    assert truth(where, audited()) is False
    needs = {each for name in ("request.query.limit", "event.level", "object.spec") for each in needs_of(name)}
    assert needs == {"request.query.limit", "event.level"}


def needs_of(name: str) -> frozenset[str]:
    """Fields that a rule about this one needs of an audit event."""
    rules = rule_set(f"{HEAD}  where: [{{field: {name}, operator: Exists}}]\n")
    return rules.rules["probe"].needs
