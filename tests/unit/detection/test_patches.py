"""Patches: which places they name, what they leave alone, and what nobody can tell without the object they changed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditwatch.detection import patched, paths
from auditwatch.detection.changes import LIMIT, OVERFLOW, Change
from auditwatch.detection.patching import patch_of
from auditwatch.detection.values import MISSING, UNKNOWN
from auditwatch.events.activity import Patch

from .building import K10, audited, signals

KEYS = K10.list_keys("config.kio.kasten.io", "policies")
EXPORTING = {"spec": {"actions": [{"action": "backup"}, {"action": "export", "retention": {"daily": 7}}]}}
HIDDEN = Change(OVERFLOW, UNKNOWN, UNKNOWN)


def _patch(body: Any, new: Any = None) -> Patch:
    found = patch_of(body, new=new, list_keys=KEYS)
    assert found is not None
    return found


def _changes(body: Any, new: Any = None) -> tuple[Change, ...]:
    return patched.changes(_patch(body, new), KEYS)


def _look(body: Any, path: str, new: Any = None) -> tuple[str, object]:
    found = patched.look(_patch(body, new), paths.parse(path), KEYS)
    return found.touch, found.value


def test_a_merge_patch_names_its_leaves() -> None:
    assert _changes({"spec": {"paused": True, "retention": {"daily": 0}}}) == (
        Change("spec.paused", UNKNOWN, True),
        Change("spec.retention.daily", UNKNOWN, 0),
    )


def test_an_empty_patch_changes_nothing() -> None:
    assert _changes({}) == _changes({"spec": {}}) == _changes([]) == ()


def test_what_a_merge_patch_takes_away_may_have_held_more() -> None:
    assert _changes({"spec": {"retention": None}}) == (Change("spec.retention", UNKNOWN, MISSING), HIDDEN)


def test_an_annotation_that_is_taken_away_held_nothing_else() -> None:
    body = {"metadata": {"annotations": {"k10.kasten.io/x": None}}}
    assert _changes(body) == (Change('metadata.annotations["k10.kasten.io/x"]', UNKNOWN, MISSING),)


def test_elements_of_a_list_stand_by_key_and_those_that_went_are_not_named() -> None:
    assert _changes({"spec": {"actions": [{"action": "export", "retention": {"daily": 0}}]}}) == (
        Change("spec.actions[export].action", UNKNOWN, "export"),
        Change("spec.actions[export].retention.daily", UNKNOWN, 0),
        HIDDEN,
    )


def test_what_servers_and_controllers_write_is_no_change() -> None:
    assert _changes({"status": {"x": 1}, "metadata": {"resourceVersion": "7", "labels": {"a": "b"}}}) == (
        Change("metadata.labels.a", UNKNOWN, "b"),
    )
    assert _changes([{"op": "replace", "path": "/status/x", "value": 1}]) == ()


def test_what_is_applied_may_take_away_what_it_does_not_name() -> None:
    body = {"apiVersion": "config.kio.kasten.io/v1alpha1", "kind": "Policy", "spec": {"paused": True}}
    assert _changes(body) == (Change("spec.paused", UNKNOWN, True), HIDDEN)
    assert _look(body, "spec.paused") == ("Named", True)
    assert _look(body, "spec.frequency") == ("Open", UNKNOWN)


def test_a_strategic_patch_with_directives_says_more_than_values() -> None:
    body = {"spec": {"paused": True, "$patch": "replace"}}
    assert _changes(body) == (Change("spec.paused", UNKNOWN, True), HIDDEN)


def test_a_json_patch_names_the_paths_of_its_operations() -> None:
    body = [
        {"op": "test", "path": "/spec/frequency", "value": "@daily"},
        {"op": "replace", "path": "/spec/paused", "value": True},
        {"op": "add", "path": "/metadata/annotations/k10.kasten.io~1x", "value": "y"},
    ]
    assert _changes(body) == (
        Change('metadata.annotations["k10.kasten.io/x"]', UNKNOWN, "y"),
        Change("spec.paused", UNKNOWN, True),
    )


def test_a_json_patch_that_takes_a_container_away_hides_what_was_below() -> None:
    body = [{"op": "remove", "path": "/spec/retention/daily"}]
    assert _changes(body) == (Change("spec.retention.daily", UNKNOWN, MISSING), HIDDEN)


def test_a_replaced_spec_names_what_is_in_it_and_hides_what_was() -> None:
    body = [{"op": "replace", "path": "/spec", "value": {"paused": True}}]
    assert _changes(body) == (Change("spec.paused", UNKNOWN, True), HIDDEN)
    assert _look(body, "spec.paused") == ("Named", True)
    assert _look(body, "spec.retention.daily") == ("Named", MISSING)


def test_the_whole_object_can_be_replaced() -> None:
    assert Change("spec.paused", UNKNOWN, True) in _changes(
        [{"op": "replace", "path": "", "value": {"spec": {"paused": True}}}]
    )


def test_an_index_is_the_key_of_the_element_where_the_object_was_seen() -> None:
    body = [{"op": "replace", "path": "/spec/actions/1/retention/daily", "value": 0}]
    assert _changes(body, EXPORTING)[0] == Change("spec.actions[export].retention.daily", UNKNOWN, 0)
    assert _look(body, "spec.actions[export].retention.daily", EXPORTING) == ("Named", 0)
    assert _look(body, "spec.actions[backup].retention.daily", EXPORTING) == ("Untouched", UNKNOWN)


def test_an_index_alone_may_be_any_element() -> None:
    body = [{"op": "replace", "path": "/spec/actions/1/retention/daily", "value": 0}]
    assert _changes(body) == (Change("spec.actions[1].retention.daily", UNKNOWN, 0), HIDDEN)
    assert _look(body, "spec.actions[export].retention.daily") == ("Open", UNKNOWN)


def test_indexes_of_a_patch_that_moves_elements_are_not_those_of_the_result() -> None:
    body = [
        {"op": "remove", "path": "/spec/actions/0"},
        {"op": "replace", "path": "/spec/actions/1/retention/daily", "value": 0},
    ]
    assert [change.path for change in _changes(body, EXPORTING)] == [
        "spec.actions[0]",
        "spec.actions[1].retention.daily",
        OVERFLOW,
    ]


def test_an_element_that_is_added_brings_its_own_key() -> None:
    body = [{"op": "add", "path": "/spec/actions/-", "value": {"action": "import", "x": 1}}]
    assert Change("spec.actions[import].x", UNKNOWN, 1) in _changes(body)


def test_of_what_is_moved_or_copied_only_the_place_is_known() -> None:
    body = [{"op": "move", "from": "/spec/a", "path": "/spec/b"}, {"op": "copy", "from": "/spec/c", "path": "/spec/d"}]
    assert _changes(body) == (
        Change("spec.a", UNKNOWN, MISSING),
        Change("spec.b", UNKNOWN, UNKNOWN),
        Change("spec.d", UNKNOWN, UNKNOWN),
        HIDDEN,
    )


def test_the_last_word_on_a_place_counts() -> None:
    body = [
        {"op": "replace", "path": "/spec/paused", "value": True},
        {"op": "replace", "path": "/spec", "value": {"paused": False}},
    ]
    assert _look(body, "spec.paused") == ("Named", False)
    assert _look(body[::-1], "spec.paused") == ("Named", True)
    assert _look([*body, body[0]], "spec.paused") == ("Named", True)


def test_a_container_of_which_a_part_is_named_is_open_and_what_is_not_named_untouched() -> None:
    body = {"spec": {"retention": {"daily": 0}}}
    assert _look(body, "spec.retention") == ("Open", UNKNOWN)
    assert _look(body, "spec.*.daily") == ("Open", UNKNOWN)
    assert _look(body, "spec.frequency") == ("Untouched", UNKNOWN)
    assert _look(body, "metadata.labels.*") == ("Untouched", UNKNOWN)


def test_a_list_that_is_put_whole_is_read_by_key() -> None:
    body = {"spec": {"actions": [{"action": "export", "retention": {"daily": 3}}]}}
    assert _look(body, "spec.actions[export].retention.daily") == ("Named", 3)
    assert _look(body, "spec.actions[import].x") == ("Named", MISSING)


def test_more_places_than_are_kept_are_said_to_be_more() -> None:
    many = {"spec": {f"f{index:05}": index for index in range(LIMIT + 5)}}
    assert len(_patch(many).fields) == LIMIT
    assert _changes(many)[-1] == HIDDEN


@pytest.mark.parametrize("form", ["merge", "JSON"])
def test_of_a_place_beyond_those_that_are_kept_nobody_says_that_it_was_left_alone(form: str) -> None:
    fields = {f"f{index:05}": index for index in range(LIMIT)} | {"paused": True}
    operations = [{"op": "add", "path": f"/spec/{name}", "value": value} for name, value in fields.items()]
    assert _look({"spec": fields} if form == "merge" else operations, "spec.paused") == ("Open", UNKNOWN)


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@given(JSON, JSON)
def test_no_body_makes_it_raise(body: Any, new: Any) -> None:
    patch = patch_of(body, new=new if isinstance(new, dict) else None, list_keys=KEYS)
    if patch is not None:
        patched.changes(patch, KEYS)
        patched.look(patch, paths.parse("spec.actions[export].retention"), KEYS)


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "op": st.sampled_from(["add", "remove", "move", "copy", "replace", "test", "x"]) | JSON,
                "path": st.text("/~01-ab", max_size=8) | JSON,
                "from": st.text("/a1", max_size=4) | JSON,
                "value": JSON,
            }
        ),
        max_size=4,
    )
)
def test_no_operation_makes_it_raise(body: Any) -> None:
    patch = _patch(body, EXPORTING)
    patched.changes(patch, KEYS)
    patched.look(patch, paths.parse("a[*].b"), KEYS)


def test_a_body_as_deep_as_a_server_takes_is_read() -> None:
    deep: Any = True
    for _ in range(9000):
        deep = {"a": deep}
    patched.changes(_patch(deep), KEYS)
    patched.changes(_patch([{"op": "add", "path": "/a" * 9000, "value": deep}]), KEYS)


MATCH = "match: {apiGroups: [config.kio.kasten.io], resources: [policies]}"
PAUSED = f'- name: p\n  {MATCH}\n  where: [{{field: object.spec.paused, operator: ChangedTo, values: ["true"]}}]'
ANY_PAUSED = f"""
- name: p
  {MATCH}
  where:
  - forAny:
      path: changes
      where:
      - {{field: $.path, operator: Equals, values: [spec.paused]}}
      - {{field: $, operator: ChangedTo, values: ["true"]}}
"""
CUT = f"""
- name: cut
  {MATCH}
  where: [{{field: object.spec.retention.daily, operator: Decreased, missingAs: "0"}}]
  onUnknown: {{severity: Low}}
"""


@pytest.mark.parametrize("rules", [PAUSED, ANY_PAUSED])
@pytest.mark.parametrize(
    "body",
    [
        {"spec": {"paused": True}},
        [{"op": "add", "path": "/spec/paused", "value": True}],
        [{"op": "replace", "path": "/spec", "value": {"paused": True}}],
        {"apiVersion": "config.kio.kasten.io/v1alpha1", "kind": "Policy", "spec": {"paused": True}},
    ],
)
def test_a_patch_that_names_a_path_is_enough_for_what_it_became(rules: str, body: Any) -> None:
    for answer in (None, {"metadata": {"name": "daily"}, "spec": {"paused": True}}):
        assert len(signals(rules, audited(requestObject=body, responseObject=answer))) == 1


@pytest.mark.parametrize("rules", [PAUSED, ANY_PAUSED])
def test_a_patch_of_something_else_is_not_mistaken(rules: str) -> None:
    for body, is_paused in (({"spec": {"comment": "x"}}, True), ({"spec": {"paused": False}}, False)):
        answer = {"metadata": {"name": "daily"}, "spec": {"paused": is_paused}}
        assert signals(rules, audited(requestObject=body, responseObject=answer)) == []


def test_what_needs_the_old_value_stays_unknown_and_what_was_left_alone_is_known_to_be() -> None:
    assert [each.severity for each in signals(CUT, audited(requestObject={"spec": {"retention": {"daily": 1}}}))] == [
        "Low"
    ]
    assert signals(CUT, audited(requestObject={"spec": {"paused": True}})) == []
