"""Two versions of an object, leaf by leaf: what is a change, what is none, and under which path it stands."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from auditwatch.detection.changes import Change, diff
from auditwatch.detection.values import MISSING

JSONObject = dict[str, Any]


@dataclass
class Keys:
    """List keys for these tests: by path, and what was asked for."""

    declared: Mapping[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def key(self, path: str, element: Mapping[str, object]) -> str | None:
        self.asked.append(path)
        value = element.get(self.declared.get(path, ""))
        return value if isinstance(value, str) else None


ACTIONS = Keys({"spec.actions": "action", "spec.actions[*].steps": "name"})


def _diff(old: JSONObject | None, new: JSONObject | None, keys: Keys = ACTIONS) -> tuple[Change, ...]:
    return diff(old, new, list_keys=keys)


def _actions(*actions: JSONObject) -> JSONObject:
    return {"spec": {"actions": list(actions)}}


def test_equal_objects_have_no_changes() -> None:
    policy = _actions({"action": "backup"}, {"action": "export", "retention": {"daily": 7}})
    assert _diff(policy, _actions({"action": "backup"}, {"action": "export", "retention": {"daily": 7}})) == ()


def test_a_changed_scalar_is_one_change() -> None:
    assert _diff({"spec": {"daily": 7}}, {"spec": {"daily": 3}}) == (Change("spec.daily", 7, 3),)


def test_a_new_object_is_all_its_leaves() -> None:
    assert _diff(None, {"spec": {"a": 1, "b": {"c": "x"}}}) == (
        Change("spec.a", MISSING, 1),
        Change("spec.b.c", MISSING, "x"),
    )


def test_a_deleted_object_is_all_its_leaves() -> None:
    assert _diff({"spec": {"a": 1}}, None) == (Change("spec.a", 1, MISSING),)


def test_nothing_and_nothing_are_equal() -> None:
    assert _diff(None, None) == ()


def test_a_removed_ancestor_expands_to_its_leaves() -> None:
    old = {"spec": {"retention": {"daily": 7, "weekly": 4}}}
    assert _diff(old, {"spec": {}}) == (
        Change("spec.retention.daily", 7, MISSING),
        Change("spec.retention.weekly", 4, MISSING),
    )


def test_a_map_that_becomes_a_scalar_loses_its_leaves_and_gains_one() -> None:
    assert _diff({"spec": {"a": {"b": 1}}}, {"spec": {"a": 5}}) == (
        Change("spec.a", MISSING, 5),
        Change("spec.a.b", 1, MISSING),
    )


def test_a_map_that_becomes_a_list_changes_under_both() -> None:
    assert _diff({"a": {"x": 1}}, {"a": [{"y": 2}]}) == (
        Change("a.x", 1, MISSING),
        Change("a[0].y", MISSING, 2),
    )


def test_an_empty_map_is_a_leaf_of_its_own() -> None:
    assert _diff({"spec": {}}, {"spec": {"podSelector": {}}}) == (Change("spec.podSelector", MISSING, {}),)
    assert _diff({"spec": {"podSelector": {}}}, {"spec": {}}) == (Change("spec.podSelector", {}, MISSING),)


def test_null_is_absent() -> None:
    assert _diff({"spec": {"a": None}}, {"spec": {"b": None}}) == ()
    assert _diff({"spec": {"a": 1}}, {"spec": {"a": None}}) == (Change("spec.a", 1, MISSING),)


@pytest.mark.parametrize(
    ("old", "new"), [(1, 1.0), (Decimal(1), 1), (1.1, Decimal("1.1")), (Decimal("0.5"), 0.5), ([1, 2], [1.0, 2.0])]
)
def test_numbers_are_equal_when_their_values_are(old: object, new: object) -> None:
    assert _diff({"a": old}, {"a": new}) == ()


@pytest.mark.parametrize(
    ("old", "new"), [(True, 1), (0, False), (1, "1"), (1.1, Decimal("1.2")), ("", False), ([True], [1])]
)
def test_values_of_different_kinds_differ(old: object, new: object) -> None:
    assert _diff({"a": old}, {"a": new}) == (Change("a", old, new),)


def test_a_list_of_scalars_is_one_leaf() -> None:
    assert _diff({"v": ["a", "b"]}, {"v": ["a"]}) == (Change("v", ["a", "b"], ["a"]),)


def test_scalars_in_another_order_are_a_change() -> None:
    assert _diff({"args": ["-a", "-b"]}, {"args": ["-b", "-a"]}) == (Change("args", ["-a", "-b"], ["-b", "-a"]),)


def test_an_empty_list_appears_as_itself() -> None:
    assert _diff({"a": 1}, {"a": 1, "v": []}) == (Change("v", MISSING, []),)


def test_an_inserted_element_moves_none_of_the_others() -> None:
    old = _actions({"action": "backup", "n": 1}, {"action": "export", "n": 2})
    new = _actions({"action": "import", "n": 3}, {"action": "backup", "n": 1}, {"action": "export", "n": 2})
    assert _diff(old, new) == (
        Change("spec.actions[import].action", MISSING, "import"),
        Change("spec.actions[import].n", MISSING, 3),
    )


def test_elements_in_another_order_are_no_change() -> None:
    one, two = {"action": "backup"}, {"action": "export", "retention": {"daily": 1}}
    assert _diff(_actions(one, two), _actions(two, one)) == ()


def test_a_change_inside_an_element_stands_under_its_key() -> None:
    old, new = ({"action": "export", "retention": {"daily": count}} for count in (7, 1))
    assert _diff(_actions(old), _actions({"action": "backup"}, new)) == (
        Change("spec.actions[backup].action", MISSING, "backup"),
        Change("spec.actions[export].retention.daily", 7, 1),
    )


def test_a_key_that_stands_twice_is_told_apart_by_its_turn() -> None:
    old = _actions({"action": "export", "to": "a"}, {"action": "export", "to": "b"})
    new = _actions({"action": "export", "to": "a"}, {"action": "export", "to": "c"})
    assert _diff(old, new) == (Change("spec.actions[export#2].to", "b", "c"),)


def test_a_list_with_an_element_that_has_no_key_goes_by_index() -> None:
    old = _actions({"action": "backup"}, {"n": 1})
    new = _actions({"action": "backup"}, {"n": 2})
    assert _diff(old, new) == (Change("spec.actions[1].n", 1, 2),)


def test_a_list_whose_other_side_has_no_keys_goes_by_index() -> None:
    assert _diff(_actions({"action": "backup"}), _actions({"n": 2})) == (
        Change("spec.actions[0].action", "backup", MISSING),
        Change("spec.actions[0].n", MISSING, 2),
    )


def test_undeclared_lists_go_by_index() -> None:
    assert _diff({"v": [{"n": 1}, {"n": 2}]}, {"v": [{"n": 1}, {"n": 3}]}) == (Change("v[1].n", 2, 3),)


def test_lists_in_lists_go_by_index() -> None:
    assert _diff({"v": [["a"], ["b"]]}, {"v": [["a"], ["c"]]}) == (Change("v[1]", ["b"], ["c"]),)


def test_a_first_element_appears_in_a_list_that_was_empty() -> None:
    assert _diff(_actions(), _actions({"action": "backup"})) == (
        Change("spec.actions[backup].action", MISSING, "backup"),
    )


def test_keys_are_asked_by_the_path_without_keys() -> None:
    keys = Keys({"spec.actions": "action", "spec.actions[*].steps": "name"})
    old, new = ({"action": "export", "steps": [{"name": "one", "n": count}]} for count in (1, 2))
    assert _diff(_actions(old), _actions(new), keys) == (Change("spec.actions[export].steps[one].n", 1, 2),)
    assert set(keys.asked) == {"spec.actions", "spec.actions[*].steps"}


@pytest.mark.parametrize(
    "field",
    ["managedFields", "resourceVersion", "generation", "uid", "selfLink", "creationTimestamp", "name", "namespace"],
)
def test_what_the_server_writes_is_no_change(field: str) -> None:
    assert _diff({"metadata": {field: "1"}}, {"metadata": {field: "2"}}) == ()


@pytest.mark.parametrize("field", ["status", "kind", "apiVersion"])
def test_what_identifies_or_reports_is_no_change(field: str) -> None:
    assert _diff({field: "1"}, {field: {"a": "2"}}) == ()


@pytest.mark.parametrize("field", ["status", "uid", "generation", "kind"])
def test_the_same_words_elsewhere_are_changes(field: str) -> None:
    assert _diff({"spec": {field: "1"}}, {"spec": {field: "2"}}) == (Change(f"spec.{field}", "1", "2"),)


def test_labels_finalizers_and_the_mark_of_deletion_are_changes() -> None:
    new = {"metadata": {"labels": {"a": "b"}, "finalizers": ["x"], "deletionTimestamp": "t"}}
    assert [change.path for change in _diff({"metadata": {"labels": {"a": "a"}}}, new)] == [
        "metadata.deletionTimestamp",
        "metadata.finalizers",
        "metadata.labels.a",
    ]


def test_an_annotation_is_a_change_and_kubectls_notes_are_none() -> None:
    name = "kubectl.kubernetes.io/last-applied-configuration"
    old = {"metadata": {"annotations": {name: "{}"}}}
    new = {"metadata": {"annotations": {name: "{1}", "k10.kasten.io/ignorebackuppolicy": "true"}}}
    assert _diff(old, new) == (Change('metadata.annotations["k10.kasten.io/ignorebackuppolicy"]', MISSING, "true"),)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("plain-name_1", "data.plain-name_1"),
        ("tls.crt", 'data["tls.crt"]'),
        ("a/b", 'data["a/b"]'),
        ("a[0]", 'data["a[0]"]'),
        ('say "hi"', 'data["say \\"hi\\""]'),
    ],
)
def test_map_keys_that_would_break_a_path_are_quoted(name: str, path: str) -> None:
    assert [change.path for change in _diff({"data": {"x": "y"}}, {"data": {"x": "y", name: "v"}})] == [path]


def test_changes_stand_in_the_order_of_their_paths() -> None:
    new = {"b": 1, "a": {"z": 1, "c": 1}, "metadata": {"labels": {"x": "y"}}}
    paths = [change.path for change in _diff(None, new)]
    assert paths == sorted(paths)
    assert len(paths) == 4


def test_neither_side_is_touched() -> None:
    old, new = _actions({"action": "backup", "v": [2, 1]}), _actions({"action": "export"})
    _diff(old, new)
    assert old == _actions({"action": "backup", "v": [2, 1]})
    assert new == _actions({"action": "export"})
