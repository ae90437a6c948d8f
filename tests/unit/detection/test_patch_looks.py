"""What a patch says of one place: named, left alone, or open because nobody can tell which element was meant."""

from __future__ import annotations

from typing import Any

import pytest

from auditwatch.detection import patched, paths
from auditwatch.detection.changes import LIMIT, OVERFLOW, Change
from auditwatch.detection.patching import patch_of
from auditwatch.detection.values import MISSING, UNKNOWN

from .building import K10

KEYS = K10.list_keys("config.kio.kasten.io", "policies")


def put(path: str, *value: Any) -> dict[str, Any]:
    """Replaces what is at ``path``: by ``true`` where nothing else is given."""
    return {"op": "replace", "path": path, "value": value[0] if value else True}


def look(body: Any, path: str) -> tuple[str, object]:
    patch = patch_of(body, new=None, list_keys=KEYS)
    assert patch is not None
    found = patched.look(patch, paths.parse(path), KEYS)
    return found.touch, found.value


@pytest.mark.parametrize(
    ("body", "path", "said"),
    [
        ([put("/spec/paused")], "spec.paused", ("Named", True)),
        ([put("/spec/paused")], "spec.frequency", ("Untouched", UNKNOWN)),
        ([put("/spec/paused")], "spec", ("Open", UNKNOWN)),
        ([put("/spec", {"paused": True})], "spec.paused", ("Named", True)),
        ([put("/spec", {"paused": True})], "spec.frequency", ("Named", MISSING)),
        ([{"op": "remove", "path": "/spec"}], "spec.paused", ("Named", MISSING)),
        ([{"op": "copy", "from": "/x", "path": "/spec"}], "spec.paused", ("Named", UNKNOWN)),
        ([put("/spec", 7)], "spec.paused", ("Named", MISSING)),
        ([put("/spec/actions/0/x")], "spec.actions[export].x", ("Open", UNKNOWN)),
        ([put("/spec/actions/-/x")], "spec.actions[export].x", ("Open", UNKNOWN)),
        ([put("/spec/actions/0/x")], "spec.actions[export].y", ("Untouched", UNKNOWN)),
        ([put("/spec/actions/0/x")], "spec.actions[0].x", ("Named", True)),
        ([put("/spec/actions", [{"action": "export", "x": 1}])], "spec.actions[export].x", ("Named", 1)),
        ([put("/spec/actions", [{"action": "export", "x": 1}])], "spec.actions[backup].x", ("Named", MISSING)),
        ([put("/spec/paused", False), put("/spec/paused")], "spec.paused", ("Named", True)),
        ([put("/spec/paused"), put("/spec", {})], "spec.paused", ("Named", MISSING)),
        ([put("/spec", {}), put("/spec/paused")], "spec.paused", ("Named", True)),
        ({"spec": {"paused": None}}, "spec.paused", ("Named", MISSING)),
        ({"spec": {"paused": True}}, "spec.frequency", ("Untouched", UNKNOWN)),
        ({"spec": {"$patch": "replace", "paused": True}}, "spec.frequency", ("Open", UNKNOWN)),
        ({}, "spec.paused", ("Untouched", UNKNOWN)),
    ],
)
def test_a_place_is_named_left_alone_or_open(body: Any, path: str, said: tuple[str, object]) -> None:
    assert look(body, path) == said


def changes(body: Any) -> tuple[Change, ...]:
    patch = patch_of(body, new=None, list_keys=KEYS)
    assert patch is not None
    return patched.changes(patch, KEYS)


@pytest.mark.parametrize(("number", "is_more"), [(LIMIT - 1, False), (LIMIT, False), (LIMIT + 1, True)])
def test_as_many_places_as_are_kept_are_told_and_the_rest_is_said_to_be_there(number: int, *, is_more: bool) -> None:
    found = changes({"metadata": {"labels": {f"l{index:05}": "x" for index in range(number)}}})

    assert len(found) == min(number, LIMIT) + is_more
    assert (found[-1].path == OVERFLOW) is is_more


def test_a_value_of_too_many_leaves_is_cut_once_and_said_to_be() -> None:
    found = changes([put("/spec", {f"f{index:05}": index for index in range(LIMIT + 5)})])

    assert [change.path for change in found].count(OVERFLOW) == 1
    assert found[-1] == Change(OVERFLOW, UNKNOWN, UNKNOWN)
    assert len(found) <= LIMIT + 1


def test_what_is_put_twice_is_told_once_as_it_was_put_last_and_in_the_order_of_paths() -> None:
    found = changes([put("/spec/b", 1), put("/spec/a", 2), put("/spec/b", 3)])

    assert [(change.path, change.old, change.new) for change in found] == [
        ("spec.a", UNKNOWN, 2),
        ("spec.b", UNKNOWN, 3),
    ]
