"""``where``: tests, macros, anyOf, noneOf and forAny, in three values, compiled from real YAML."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
import yaml

from auditwatch.api.pack import Macro, NamedList
from auditwatch.detection.kleene import Truth
from auditwatch.detection.scope import Scope
from auditwatch.detection.values import MISSING
from auditwatch.events.activity import Activity, Actor

from .building import K10, altered, change, compiled, paths, rule_set, rule_with, spec

ADMIN = altered(change(spec(paused=False), spec(paused=True)), actor=Actor(id="eve"))
UNSEEN = altered(ADMIN, object=msgspec.UNSET, old_object=msgspec.UNSET)


def _holds(where: str, activity: Activity = ADMIN, **source: Any) -> Truth:
    rule = rule_set(rule_with(where), **source).rules["probe"]
    return rule.condition.holds(Scope(activity, K10), MISSING)


def test_an_and_list_needs_every_test() -> None:
    paused, eve = (
        "{field: object.spec.paused, operator: Equals, values: ['true']}",
        "{field: actor.id, operator: In, values: [eve]}",
    )
    assert _holds(f"[{paused}, {eve}]") is True
    assert _holds(f"[{paused}, {eve.replace('eve', 'bob')}]") is False


def test_an_absent_field_fails_positive_and_passes_negated_operators() -> None:
    for operator in ("Equals", "In", "StartsWith", "Glob", "GreaterThan", "HasAny"):
        assert _holds(f"[{{field: object.spec.none, operator: {operator}, values: ['1']}}]") is False
    for operator in ("NotEquals", "NotIn", "HasNone"):
        assert _holds(f"[{{field: object.spec.none, operator: {operator}, values: ['1']}}]") is True
    assert _holds("[{field: object.spec.none, operator: NotInCIDR, values: [10.0.0.0/8]}]") is True
    assert _holds("[{field: object.spec.none, operator: DoesNotExist}]") is True
    assert _holds("[{field: object.spec.none, operator: Exists}]") is False


def test_an_unknown_field_leaves_every_operator_open_but_is_unknown() -> None:
    for operator in ("Equals", "NotEquals", "In", "NotIn", "Glob", "HasNone"):
        assert _holds(f"[{{field: object.spec.none, operator: {operator}, values: ['1']}}]", UNSEEN) is None
    assert _holds("[{field: object.spec.none, operator: Exists}]", UNSEEN) is None
    assert _holds("[{field: object.spec.none, operator: DoesNotExist}]", UNSEEN) is None
    assert _holds("[{field: object.spec.none, operator: IsUnknown}]", UNSEEN) is True
    assert _holds("[{field: object.spec.none, operator: IsUnknown}]") is False


EVE = "{field: actor.id, operator: Equals, values: [eve]}"
BOB = "{field: actor.id, operator: Equals, values: [bob]}"
OPEN = "{field: client.ip, operator: Equals, values: [10.0.0.1]}"


@pytest.mark.parametrize(
    ("where", "truth"),
    [
        (f"[{{anyOf: [[{BOB}], [{EVE}]]}}]", True),
        (f"[{{anyOf: [[{BOB}], [{EVE}, {BOB}]]}}]", False),
        (f"[{{anyOf: [[{OPEN}], [{EVE}]]}}]", True),
        (f"[{{anyOf: [[{OPEN}], [{BOB}]]}}]", None),
        (f"[{{noneOf: [[{BOB}], [{EVE}, {BOB}]]}}]", True),
        (f"[{{noneOf: [[{EVE}]]}}]", False),
        (f"[{{noneOf: [[{OPEN}]]}}]", None),
        (f"[{{noneOf: [[{OPEN}], [{EVE}]]}}]", False),
        (f"[{{noneOf: [[{OPEN}, {BOB}]]}}]", True),
        (f"[{OPEN}, {BOB}]", False),
        (f"[{OPEN}, {EVE}]", None),
    ],
)
def test_unknown_passes_through_alternatives_as_kleene_says(where: str, truth: Truth) -> None:
    assert _holds(where) is truth


RULES: dict[str, Any] = {
    "rules": [
        {"apiGroups": ["apps"], "verbs": ["get"]},
        {"apiGroups": ["*"], "verbs": ["delete", "get"]},
    ]
}
BOTH = "[{field: $.apiGroups, operator: HasAny, values: [apps]}, {field: $.verbs, operator: HasAny, values: [delete]}]"


def test_for_any_wants_one_element_that_passes_all_tests() -> None:
    row, where = change({}, RULES), "[{forAny: {path: object.rules, where: %s}}]"
    assert _holds(where % BOTH, row) is False
    assert _holds(where % BOTH.replace("apps", "'*'"), row) is True


def test_for_any_looks_at_the_values_of_a_map_and_through_wildcards() -> None:
    row = change({}, {"actions": {"a": {"phases": [{"func": "KubeExec"}]}, "b": {"phases": [{"func": "KubeTask"}]}}})
    test = "{field: $.func, operator: Equals, values: [KubeTask]}"
    assert _holds(f"[{{forAny: {{path: 'object.actions.*.phases', where: [{test}]}}}}]", row) is True
    assert _holds("[{forAny: {path: object.actions, where: [{field: $.phases, operator: Exists}]}}]", row) is True


def test_for_any_over_nothing_is_false_and_over_the_unseen_unknown() -> None:
    where = "[{forAny: {path: object.rules, where: [{field: $, operator: Exists}]}}]"
    assert _holds(where, change({}, {})) is False
    assert _holds(where, UNSEEN) is None
    assert _holds(where.replace("object.rules", "changes"), UNSEEN) is None


@pytest.mark.parametrize(("only", "truth"), [("New", True), ("Gone", False), ("Any", True)])
def test_only_new_elements_are_those_the_old_object_has_not(only: str, truth: Truth) -> None:
    row = change({"names": ["a"]}, {"names": ["a", "b"]})
    where = f"[{{forAny: {{path: object.names, only: {only}, where: [{{field: $, operator: Equals, values: [b]}}]}}}}]"
    assert _holds(where, row) is truth


def test_elements_that_are_gone_are_looked_at_in_the_old_object() -> None:
    where = "[{forAny: {path: object.names, only: Gone, where: [{field: $, operator: Equals, values: [a]}]}}]"
    assert _holds(where, change({"names": ["a", "b"]}, {"names": ["b"]})) is True
    assert _holds(where, change({"names": ["a"]}, None)) is True


def test_whether_an_element_is_new_is_open_without_the_old_object() -> None:
    row = altered(change({}, {"names": ["b"]}), old_object=msgspec.UNSET)
    where = "[{forAny: {path: object.names, only: New, where: [{field: $, operator: Equals, values: [%s]}]}}]"
    assert _holds(where % "b", row) is None
    assert _holds(where % "z", row) is False


def test_a_value_may_come_from_another_field() -> None:
    where = "[{field: object.metadata.namespace, operator: %s, valueFrom: target.namespace}]"
    assert _holds(where % "Equals") is True
    assert _holds(where % "NotEquals") is False
    assert _holds("[{field: target.name, operator: Equals, valueFrom: object.spec.none}]") is False
    assert _holds("[{field: target.name, operator: NotEquals, valueFrom: object.spec.none}]") is True
    assert _holds("[{field: target.name, operator: Equals, valueFrom: actor.id}]", UNSEEN) is False
    assert _holds("[{field: target.name, operator: Equals, valueFrom: client.ip}]") is None


def test_a_list_and_a_macro_stand_for_what_they_name() -> None:
    lists = [NamedList(name="people", values=("eve", "ann"))]
    macros = [
        Macro.model_validate(
            {"name": "human", "where": yaml.safe_load("[{field: actor.id, operator: In, list: people}]")}
        )
    ]
    assert _holds("[{macro: human}]", lists=lists, macros=macros) is True
    assert _holds("[{noneOf: [[{macro: human}]]}]", lists=lists, macros=macros) is False


def test_a_list_that_does_not_exist_is_a_warning_and_never_true() -> None:
    found, problems = compiled(
        rule_with("[{field: actor.id, operator: NotIn, list: peeple}]"), lists=[NamedList(name="people")]
    )
    assert paths(problems) == ["spec.rules[0].where[0].list"]
    assert "did you mean people?" in problems[0].message
    assert not problems[0].fatal
    assert found.rules["probe"].condition.holds(Scope(ADMIN, K10), MISSING) is None


def test_a_macro_that_does_not_exist_is_a_warning_and_never_true() -> None:
    found, problems = compiled(rule_with("[{macro: humn}]"))
    assert [(each.path, each.fatal) for each in problems] == [("spec.rules[0].where[0].macro", False)]
    assert found.rules["probe"].unresolved == ("macro humn",)


@pytest.mark.parametrize(
    ("where", "path"),
    [
        ("[{field: actor.idd, operator: Exists}]", "where[0].field"),
        ("[{field: actor.id, operator: Changed}]", "where[0].field"),
        ("[{field: target.name, operator: Matches, values: ['a(']}]", "where[0].values"),
        (
            "[{anyOf: [[{field: target.name, operator: Exists}, {field: nope, operator: Exists}]]}]",
            "where[0].anyOf[0][1].field",
        ),
        ("[{noneOf: [[{field: nope, operator: Exists}]]}]", "where[0].noneOf[0][0].field"),
        ("[{forAny: {path: nope, where: [{field: $, operator: Exists}]}}]", "where[0].forAny.path"),
        ("[{forAny: {path: changes, where: [{field: $.x, operator: Exists}]}}]", "where[0].forAny.where[0].field"),
        ("[{forAny: {path: changes, only: New, where: [{field: $, operator: Changed}]}}]", "where[0].forAny.only"),
        (
            "[{forAny: {path: object.rules, where: [{field: $.x, operator: Changed}]}}]",
            "where[0].forAny.where[0].field",
        ),
        ("[{field: target.name, operator: Equals, valueFrom: nope}]", "where[0].valueFrom"),
        ("[{forAny: {path: changes, where: [{field: $, operator: Equals, values: [a]}]}}]", "where[0].forAny.where[0]"),
    ],
)
def test_what_is_wrong_is_told_with_its_path(where: str, path: str) -> None:
    found, problems = compiled(rule_with(where))
    assert paths(problems) == [f"spec.rules[0].{path}"]
    assert not found.rules
    assert "probe" in found.left_out


@pytest.mark.parametrize(
    ("where", "needs"),
    [
        (f"[{EVE}, {OPEN}]", {"actor.id", "client.ip"}),
        (f"[{{anyOf: [[{EVE}], [{OPEN}, {EVE}]]}}]", {"actor.id"}),
        (f"[{{anyOf: [[{EVE}], [{OPEN}]]}}]", set()),
        (f"[{{noneOf: [[{EVE}], [{OPEN}]]}}]", {"actor.id", "client.ip"}),
        ("[{field: actor.id, operator: IsUnknown}]", set()),
        ("[{field: object.spec.x, operator: Exists}]", set()),
        ("[{field: event.stage, operator: Exists}]", {"event.stage"}),
    ],
)
def test_a_condition_knows_without_which_fields_it_is_never_true(where: str, needs: set[str]) -> None:
    assert rule_set(rule_with(where)).rules["probe"].needs == needs


@pytest.mark.parametrize(
    ("where", "bodies"),
    [
        ("[{field: object.spec.x, operator: Exists}]", {"object.spec.x"}),
        ("[{field: object.spec.x, operator: Changed}]", {"object.spec.x", "changes"}),
        ("[{field: object.spec.x, operator: IsUnknown}]", set()),
        ("[{field: k10.appName, operator: Exists}, {field: k10.policyName, operator: Exists}]", {"k10.appName"}),
        ("[{forAny: {path: changes, where: [{field: $.path, operator: Exists}]}}]", {"changes"}),
        ("[{forAny: {path: object.rules, where: [{field: $.verbs, operator: Exists}]}}]", {"object.rules"}),
        ("[{anyOf: [[{field: object.a, operator: Exists}], [{field: target.name, operator: Exists}]]}]", set()),
        (
            "[{noneOf: [[{field: object.a, operator: Exists}], [{field: object.b, operator: Exists}]]}]",
            {"object.a", "object.b"},
        ),
    ],
)
def test_a_condition_knows_without_which_bodies_it_is_never_true(where: str, bodies: set[str]) -> None:
    assert rule_set(rule_with(where)).rules["probe"].bodies == bodies


def test_changes_beyond_the_limit_are_not_known_to_be_harmless() -> None:
    row = change({}, {"data": {f"k{index}": index for index in range(1100)}})
    where = "[{forAny: {path: changes, where: [{field: $.path, operator: Equals, values: [spec.hidden]}]}}]"
    assert _holds(where, row) is None
