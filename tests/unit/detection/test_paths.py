"""Field paths: the grammar, and what is found where."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditwatch.detection.changes import diff
from auditwatch.detection.paths import PathError, Step, is_wildcard, parse, read
from auditwatch.detection.values import MISSING, UNKNOWN

from .building import K10

KEYS = K10.list_keys("config.kio.kasten.io", "policies")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)
POLICY: dict[str, Any] = {
    "metadata": {"annotations": {"k10.kasten.io/x": "1"}, "labels": None},
    "spec": {
        "actions": [
            {"action": "backup"},
            {"action": "export", "retention": {"daily": 7, "weekly": 0}},
        ],
        "paused": False,
        "names": ["a", "b"],
    },
}


def _read(text: str, root: object = POLICY) -> object:
    return read(root, parse(text), KEYS)


def test_a_dotted_path_is_its_names() -> None:
    assert parse("spec.retention.daily") == (Step("spec"), Step("retention"), Step("daily"))


def test_a_quoted_segment_may_hold_dots_and_slashes() -> None:
    assert parse('metadata.annotations["a.b/c"]') == (Step("metadata"), Step("annotations"), Step("a.b/c"))


def test_brackets_name_a_list_element_and_a_star_every_one() -> None:
    assert parse("spec.actions[export].x") == (Step("spec"), Step("actions"), Step("export", element=True), Step("x"))
    assert is_wildcard(parse("spec.actions[*].x"))
    assert is_wildcard(parse("spec.*.x"))
    assert not is_wildcard(parse("spec.actions[0].x"))


@pytest.mark.parametrize("text", ["", ".", "a..b", "a.", "a[", "a]", "a[]", 'a["b]', ".a", "a[b]c", ".".join("a" * 33)])
def test_what_is_no_path_is_refused_with_its_text(text: str) -> None:
    with pytest.raises(PathError, match="no field path"):
        parse(text)


def test_an_element_is_found_by_its_key() -> None:
    assert _read("spec.actions[export].retention.daily") == 7


def test_an_element_is_found_by_its_index_where_no_key_is_so() -> None:
    assert _read("spec.actions[1].action") == "export"
    assert _read("spec.names[0]") == "a"


def test_an_index_beyond_the_list_is_absent() -> None:
    assert _read("spec.actions[2].action") is MISSING
    assert _read("spec.names[99999999999999999999]") is MISSING


def test_a_quoted_key_is_found() -> None:
    assert _read('metadata.annotations["k10.kasten.io/x"]') == "1"


def test_null_is_absent_and_false_is_not() -> None:
    assert _read("metadata.labels") is MISSING
    assert _read("spec.paused") is False


def test_zero_is_a_value() -> None:
    assert _read("spec.actions[export].retention.weekly") == 0


def test_a_field_below_a_scalar_is_absent() -> None:
    assert _read("spec.paused.why") is MISSING


def test_a_wildcard_gives_every_value_that_is_there() -> None:
    assert _read("spec.actions[*].action") == ["backup", "export"]
    assert _read("spec.actions[*].retention.daily") == [7]
    assert _read("spec.actions.*.action") == ["backup", "export"]


def test_a_wildcard_that_finds_nothing_is_absent() -> None:
    assert _read("spec.actions[*].nothing") is MISSING


def test_what_lies_in_an_unseen_object_is_unknown_and_in_none_absent() -> None:
    assert _read("spec.paused", UNKNOWN) is UNKNOWN
    assert _read("spec.paused", MISSING) is MISSING


@given(JSON, st.sampled_from(["a", "a.b", "a[*].b", "*", "a[0]", "*.*"]))
def test_reading_any_json_never_raises(root: object, text: str) -> None:
    assert read(root, parse(text), KEYS) is not None


@given(st.dictionaries(st.text(min_size=1, max_size=8), st.integers(), min_size=1, max_size=4))
def test_a_path_that_a_change_names_can_be_read_back(values: dict[str, Any]) -> None:
    body = {"data": values}
    for each in diff(None, body, list_keys=KEYS):
        if "*" not in each.path:
            assert read(body, parse(each.path), KEYS) == each.new
