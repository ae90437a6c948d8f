"""Objects made to hurt: too deep, too wide, with names too long. The differ must neither raise nor be led astray."""

from collections.abc import Mapping
from typing import Any

from auditwatch.detection.changes import DEPTH, LIMIT, OVERFLOW, SEGMENT, Change, diff
from auditwatch.detection.values import MISSING, UNKNOWN

JSONObject = dict[str, Any]
DEEP = 9_900


class ByName:
    """List keys that go by ``name``."""

    def key(self, _path: str, element: Mapping[str, object]) -> str | None:
        name = element.get("name")
        return name if isinstance(name, str) else None


def _diff(old: JSONObject | None, new: JSONObject | None) -> tuple[Change, ...]:
    return diff(old, new, list_keys=ByName())


def _nested_map(leaf: object) -> JSONObject:
    value = leaf
    for _ in range(DEEP):
        value = {"x": value}
    return {"spec": value}


def _nested_list(leaf: object) -> JSONObject:
    value = leaf
    for _ in range(DEEP):
        value = [value]
    return {"spec": value}


def _wide(count: int, value: object) -> JSONObject:
    return {f"key-{number:06}": value for number in range(count)}


def test_deep_maps_differ_at_the_greatest_depth_reported() -> None:
    (change,) = _diff(_nested_map(1), _nested_map(2))
    assert change == Change("spec" + ".x" * (DEPTH - 1), UNKNOWN, UNKNOWN)


def test_equal_deep_maps_do_not_differ() -> None:
    assert _diff(_nested_map(1), _nested_map(1)) == ()


def test_deep_lists_differ_at_the_greatest_depth_reported() -> None:
    (change,) = _diff(_nested_list({"a": 1}), _nested_list({"a": 2}))
    assert change == Change("spec" + "[0]" * (DEPTH - 1), UNKNOWN, UNKNOWN)


def test_a_deep_object_that_appears_does_not_raise() -> None:
    (change,) = _diff(None, _nested_map(1))
    assert change.new is UNKNOWN


def test_a_shallow_change_beside_a_deep_one_is_still_seen() -> None:
    old, new = _nested_map(1) | {"paused": False}, _nested_map(2) | {"paused": True}
    assert Change("paused", False, True) in _diff(old, new)


def test_as_many_changes_as_the_limit_are_all_reported() -> None:
    changes = _diff({"data": {"a": 1}}, {"data": {"a": 1, **_wide(LIMIT, "v")}})
    assert len(changes) == LIMIT
    assert OVERFLOW not in {change.path for change in changes}


def test_one_change_more_is_told_by_a_change_of_its_own() -> None:
    changes = _diff({"data": {"a": 1}}, {"data": {"a": 1, **_wide(LIMIT + 1, "v")}})
    assert len(changes) == LIMIT + 1
    assert changes[-1] == Change(OVERFLOW, UNKNOWN, UNKNOWN)


def test_noise_in_one_map_does_not_push_out_a_change_elsewhere() -> None:
    noise = _wide(10 * LIMIT, "v")
    old = {"spec": {"paused": False, "retention": {"daily": 30}}}
    new = {"data": noise, "metadata": {"annotations": noise}, "spec": {"paused": True, "retention": {"daily": 0}}}
    found = {change.path: change for change in _diff(old, new)}
    assert found["spec.retention.daily"] == Change("spec.retention.daily", 30, 0)
    assert found["spec.paused"].new is True


def test_noise_in_a_list_does_not_push_out_a_change_elsewhere() -> None:
    noise = [{"name": f"n{number}", "a": {"b": {"c": 1}}} for number in range(3 * LIMIT)]
    old = {"spec": {"filters": [], "retention": {"daily": 30}}}
    new = {"spec": {"filters": noise, "retention": {"daily": 0}}}
    assert Change("spec.retention.daily", 30, 0) in _diff(old, new)


def test_what_is_only_added_does_not_push_out_what_was_there_before_beside_it() -> None:
    old = {"spec": {"retention": {"weekly": 30, "yearly": 1}}}
    new = {"spec": {"retention": {**_wide(10 * LIMIT, 1), "weekly": 0}}}
    changes = _diff(old, new)
    assert len(changes) == LIMIT + 1
    assert changes[-3:] == (
        Change("spec.retention.weekly", 30, 0),
        Change("spec.retention.yearly", 1, MISSING),
        Change(OVERFLOW, UNKNOWN, UNKNOWN),
    )


def test_what_is_kept_of_too_many_changes_is_the_same_every_time() -> None:
    wide = {"data": _wide(3 * LIMIT, "v")}
    turned = {"data": dict(reversed(wide["data"].items()))}
    assert _diff(None, wide) == _diff(None, turned)


def test_a_name_of_a_megabyte_is_cut() -> None:
    (change,) = _diff(None, {"data": {"k" * 1_000_000: {"a": 1}}})
    assert change.path == "data." + "k" * (SEGMENT - 1) + "….a"


def test_a_list_key_of_a_megabyte_is_cut() -> None:
    changes = _diff(None, {"v": [{"name": "n" * 1_000_000, "a": 1}]})
    assert {len(change.path) for change in changes} == {len("v[].a") + SEGMENT, len("v[].name") + SEGMENT}
