"""JSON patches read as RFC 6901 and 6902 have it: which element an index means, which name an escape, what is gone."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from auditwatch.detection.patching import patch_of
from auditwatch.events.activity import Patch, PatchedField
from auditwatch.k10.view import InstalledK10

KEYS = InstalledK10().list_keys("config.kio.kasten.io", "policies")
ACTIONS = {"spec": {"actions": [{"action": "backup"}, {"action": "export", "x": {"y": 1}}]}}


def patch(*operations: Any, new: Any = None) -> Patch:
    found = patch_of(list(operations), new=new, list_keys=KEYS)
    assert found is not None
    return found


def replace(path: Any, value: Any = 1) -> dict[str, Any]:
    return {"op": "replace", "path": path, "value": value}


def places(*operations: Any, new: Any = None) -> list[tuple[str, ...]]:
    return [field.steps for field in patch(*operations, new=new).fields]


@pytest.mark.parametrize(
    ("pointer", "steps"),
    [
        ("/spec/paused", (".spec", ".paused")),
        ("/metadata/annotations/k10.kasten.io~1x", (".metadata", ".annotations", ".k10.kasten.io/x")),
        ("/metadata/labels/a~0b", (".metadata", ".labels", ".a~b")),
        ("/metadata/labels/a~01b", (".metadata", ".labels", ".a~1b")),
        ("/metadata/labels/", (".metadata", ".labels", ".")),
        ("/spec/actions/0", (".spec", ".actions", "[0")),
        ("/spec/actions/-", (".spec", ".actions", "[-")),
        ("/spec/actions/99999", (".spec", ".actions", "[99999")),
        ("/spec/x/100000", (".spec", ".x", ".100000")),
        ("/spec/x/²", (".spec", ".x", ".²")),
        ("/spec/x/1a", (".spec", ".x", ".1a")),
    ],
)
def test_a_pointer_names_a_place_and_what_may_be_an_index_stands_as_an_element(
    pointer: str, steps: tuple[str, ...]
) -> None:
    assert places(replace(pointer)) == [steps]


@pytest.mark.parametrize("op", [[], {}, ["replace"], None, 7, True])
def test_an_operation_that_is_no_word_names_its_place_and_nothing_that_is_put_there(op: Any) -> None:
    (field,) = patch({"op": op, "path": "/spec/paused", "value": 1}).fields
    assert (field.steps, field.value) == ((".spec", ".paused"), msgspec.UNSET)


@pytest.mark.parametrize("pointer", ["spec/paused", "#/spec", None, 7, ["/spec"]])
def test_what_is_no_pointer_names_nothing(pointer: Any) -> None:
    assert places(replace(pointer), replace("/spec/paused")) == [(".spec", ".paused")]


@pytest.mark.parametrize(
    ("pointer", "steps"),
    [
        ("/spec/actions/0/x", "[backup"),
        ("/spec/actions/1/x", "[export"),
        ("/spec/actions/-/x", "[export"),
        ("/spec/actions/2/x", "[2"),
        ("/spec/actions/3/x", "[3"),
        ("/spec/actions/export/x", "[export"),
    ],
)
def test_an_index_is_the_key_of_the_element_that_has_it_in_the_object_that_came_out(pointer: str, steps: str) -> None:
    assert places(replace(pointer), new=ACTIONS) == [(".spec", ".actions", steps, ".x")]


@pytest.mark.parametrize("actions", [[], None, {"0": {"action": "backup"}}, ["backup"], [{"other": 1}]])
def test_where_the_object_does_not_show_the_element_the_index_is_all_there_is(actions: Any) -> None:
    (steps,) = places(replace("/spec/actions/0/x"), new={"spec": {"actions": actions}})

    assert steps[2][1:] == "0"
    assert steps[2][0] == ("[" if isinstance(actions, list) else ".")


def test_a_list_that_was_not_seen_is_known_by_what_may_be_an_index() -> None:
    assert places(replace("/spec/actions/0/x"), new={"spec": {}}) == [(".spec", ".actions", "[0", ".x")]


@pytest.mark.parametrize(
    ("operation", "is_known"),
    [
        (replace("/spec/actions/0", {"action": "backup"}), True),
        ({"op": "add", "path": "/spec/actions/0", "value": {"action": "snapshot"}}, False),
        ({"op": "remove", "path": "/spec/actions/0"}, False),
        ({"op": "move", "path": "/spec/x", "from": "/spec/actions/0"}, False),
        ({"op": "copy", "path": "/spec/actions/-", "from": "/spec/x"}, False),
        ({"op": "add", "path": "/spec/x", "value": 1}, True),
        ({"op": "remove", "path": "/spec/paused"}, True),
        ({"op": "test", "path": "/spec/actions/0"}, True),
        ({"op": "add", "path": "/metadata/labels/007", "value": "x"}, False),
    ],
)
def test_indexes_mean_those_of_the_result_unless_an_operation_may_have_moved_them(
    operation: dict[str, Any], *, is_known: bool
) -> None:
    *_, steps = places(operation, replace("/spec/actions/1/x"), new=ACTIONS)

    assert steps[2] == ("[export" if is_known else "[1")


def test_a_value_that_is_put_as_an_element_brings_its_key_and_one_below_it_does_not() -> None:
    named = {"action": "export"}

    assert places({"op": "add", "path": "/spec/actions/0", "value": named}) == [(".spec", ".actions", "[export")]
    assert places(replace("/spec/actions/0/exportParameters", named)) == [
        (".spec", ".actions", "[0", ".exportParameters")
    ]


@pytest.mark.parametrize(
    ("operation", "value", "hides"),
    [
        (replace("/spec/paused", value=True), True, False),
        (replace("/spec/paused", value=[1, 2]), [1, 2], False),
        (replace("/spec/paused", value=[{"a": 1}]), [{"a": 1}], True),
        (replace("/spec/retention", value={}), {}, True),
        ({"op": "remove", "path": "/spec/retention"}, None, True),
        ({"op": "remove", "path": "/metadata/labels/a"}, None, False),
        ({"op": "remove", "path": "/metadata/annotations/a"}, None, False),
        ({"op": "remove", "path": "/metadata/labels"}, None, True),
        ({"op": "remove", "path": "/metadata/finalizers/a"}, None, True),
        (replace("/spec/actions/0/x"), 1, True),
    ],
)
def test_what_took_a_container_away_or_an_unseen_element_may_hide_more(
    operation: dict[str, Any], value: Any, *, hides: bool
) -> None:
    found = patch(operation)

    assert [field.value for field in found.fields] == [value]
    assert (found.hides, found.is_complete) == (hides, True)


def test_what_replaces_the_whole_object_hides_what_else_was_in_every_field() -> None:
    found = patch(replace("", {"spec": {"paused": True}, "x": 1}))

    assert found.fields == (
        PatchedField(steps=(".spec",), value={"paused": True}),
        PatchedField(steps=(".x",), value=1),
    )
    assert found.hides
    assert patch(replace("", 7)).fields == ()


def test_a_move_takes_away_at_one_end_and_puts_what_nobody_saw_at_the_other() -> None:
    found = patch({"op": "move", "from": "/spec/a", "path": "/spec/b"})

    assert found.fields[0] == PatchedField(steps=(".spec", ".a"), value=None)
    assert found.fields[1] == PatchedField(steps=(".spec", ".b"))
    assert places({"op": "copy", "from": "/spec/a", "path": "/spec/b"}) == [(".spec", ".b")]


@pytest.mark.parametrize(
    ("body", "is_complete"),
    [
        ({"spec": {"paused": True}}, True),
        ({"kind": "Policy", "spec": {}}, True),
        ({"apiVersion": "v1", "spec": {}}, True),
        ({"kind": "Policy", "apiVersion": "v1", "spec": {}}, False),
        ({"spec": {"$patch": "replace"}}, False),
        ({"spec": {"x": [{"$patch": "delete"}]}}, False),
        ({"spec": {"$setElementOrder/actions": []}}, False),
        ({"spec": {"x": "$patch"}}, True),
    ],
)
def test_a_merge_patch_leaves_alone_what_it_does_not_name_unless_it_was_applied_or_directs(
    body: dict[str, Any], *, is_complete: bool
) -> None:
    found = patch_of(body, new=None, list_keys=KEYS)

    assert found is not None
    assert found.is_complete is is_complete


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"spec": {"labels": {"a": None}}}, [("spec", "labels", "a")]),
        ({"metadata": {"labels": {}}}, []),
        ({"spec": {"x": []}}, [("spec", "x")]),
        ({"spec": {"x": {"y": {}}, "z": 0}}, [("spec", "z")]),
        ({"spec": {"$patch": "replace", "z": None}}, [("spec", "z")]),
        ({"b": 1, "a": {"d": 2, "c": 3}}, [("b",), ("a", "d"), ("a", "c")]),
    ],
)
def test_a_merge_patch_names_scalars_lists_and_what_it_takes_away_in_its_own_order(
    body: dict[str, Any], fields: list[tuple[str, ...]]
) -> None:
    found = patch_of(body, new=None, list_keys=KEYS)

    assert found is not None
    assert [tuple(step.removeprefix(".") for step in field.steps) for field in found.fields] == fields


@pytest.mark.parametrize("body", [None, "text", 7, True])
def test_what_is_neither_an_object_nor_a_list_is_no_patch(body: Any) -> None:
    assert patch_of(body, new=None, list_keys=KEYS) is None
