"""Remembered objects: old values from earlier bodies of the log, and none where something may have happened unseen."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditwatch.detection.remembered import MAX_SHARE, Remembered
from auditwatch.events.activity import Activity

from .building import POLICY_REFERENCE, audited, signals


def _policy(daily: int = 30, *, name: str = "daily", uid: str = "u-1", filler: str = "") -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "kasten-io", "uid": uid},
        "spec": {"retention": {"daily": daily}, "comment": filler},
    }


def _event(verb: str, daily: int | None = None, *, name: str = "daily", **fields: Any) -> Activity:
    reference = {**POLICY_REFERENCE, "name": name}
    body = {} if daily is None else {"responseObject": _policy(daily, name=name)}
    return audited(verb=verb, objectRef=reference, **{**body, **fields})


def _old(memory: Remembered, activity: Activity) -> object:
    old = memory.completed(activity).old_object
    return old["spec"]["retention"]["daily"] if isinstance(old, dict) else old


@pytest.mark.parametrize("first", ["create", "update", "patch", "get"])
@pytest.mark.parametrize("second", ["update", "patch", "delete"])
def test_what_an_event_showed_is_the_old_object_of_the_next(first: str, second: str) -> None:
    memory = Remembered()
    memory.completed(_event(first, 30))
    assert _old(memory, _event(second, None if second == "delete" else 7)) == 30


def test_a_cut_is_found_in_a_log_alone() -> None:
    rule = """
- name: cut
  match: {apiGroups: [config.kio.kasten.io], resources: [policies]}
  where: [{field: object.spec.retention.daily, operator: DecreasedBy, percent: 50, missingAs: "0"}]
"""
    memory = Remembered()
    rows = [memory.completed(_event(verb, daily)) for verb, daily in (("create", 30), ("patch", 29), ("update", 0))]
    assert [signal.sequence for signal in signals(rule, *rows)] == [3]


def test_what_is_created_again_is_compared_with_what_a_log_showed_of_the_deleted() -> None:
    memory = Remembered()
    rows = [memory.completed(_event(verb, daily)) for verb, daily in (("create", 30), ("delete", None), ("create", 0))]
    assert rows[-1].replaced == _policy(30)


def test_each_object_has_its_own_past() -> None:
    memory = Remembered()
    memory.completed(_event("create", 30))
    memory.completed(_event("create", 5, name="weekly"))
    assert _old(memory, _event("update", 1, name="weekly")) == 5
    assert _old(memory, _event("update", 1, name="monthly")) is msgspec.UNSET


@pytest.mark.parametrize(
    "unseen",
    [
        _event("update", level="Metadata"),
        _event("patch", requestObject={"spec": {"retention": {"daily": 1}}}, level="Request"),
        _event("update", 1, level="Request"),
        _event("delete"),
        _event("update", 1, responseStatus={"code": 503}),
        audited(verb="deletecollection", objectRef={**POLICY_REFERENCE, "name": ""}),
        audited(verb="deletecollection", objectRef={**POLICY_REFERENCE, "name": "", "namespace": ""}),
    ],
)
def test_what_may_have_changed_unseen_is_forgotten(unseen: Activity) -> None:
    memory = Remembered()
    memory.completed(_event("create", 30))
    memory.completed(unseen)
    assert _old(memory, _event("update", 7)) is msgspec.UNSET
    assert memory.size > 0


@pytest.mark.parametrize(
    "harmless",
    [
        _event("update", responseStatus={"code": 403}),
        _event("update", responseStatus={"code": 409}),
        _event("get", level="Metadata"),
        _event("list"),
        audited(verb="deletecollection", objectRef={**POLICY_REFERENCE, "name": "", "namespace": "shop"}),
        audited(verb="deletecollection", objectRef={**POLICY_REFERENCE, "name": "", "resource": "profiles"}),
    ],
)
def test_what_changed_nothing_is_no_reason_to_forget(harmless: Activity) -> None:
    memory = Remembered()
    memory.completed(_event("create", 30))
    memory.completed(harmless)
    assert _old(memory, _event("update", 7)) == 30


def test_another_object_of_the_name_has_another_past() -> None:
    memory = Remembered()
    memory.completed(_event("create", 30))
    stranger = audited(verb="update", responseObject=_policy(7, uid="u-2"))
    assert memory.completed(stranger).old_object is msgspec.UNSET


def test_an_old_object_that_is_known_stays() -> None:
    memory = Remembered()
    memory.completed(_event("create", 30))
    known = msgspec.structs.replace(_event("update", 7), old_object=_policy(29))
    assert _old(memory, known) == 29


def test_a_subresource_of_another_kind_is_not_the_object() -> None:
    memory = Remembered()
    scale = {"resource": "deployments", "apiGroup": "apps", "namespace": "a", "name": "x", "subresource": "scale"}
    memory.completed(audited(verb="update", objectRef=scale, responseObject={"spec": {"replicas": 1}}))
    assert memory.size == 0


def test_the_memory_is_bounded_and_forgets_what_was_not_seen_for_the_longest() -> None:
    memory = Remembered(max_bytes=10_000)
    for number in range(100):
        memory.completed(_event("create", number, name=f"p{number}"))
        memory.completed(_event("get", 0, name="p0"))
    assert 0 < memory.size <= 10_000
    assert _old(memory, _event("update", 1, name="p0")) == 0
    assert _old(memory, _event("update", 1, name="p1")) is msgspec.UNSET
    assert _old(memory, _event("update", 1, name="p99")) == 99


def test_an_object_that_would_push_out_all_others_is_not_kept() -> None:
    memory = Remembered(max_bytes=10_000)
    large = _policy(30, filler="x" * (10_000 // MAX_SHARE))
    memory.completed(audited(verb="create", responseObject=large))
    assert memory.size == 0


def test_an_object_nested_too_deep_to_be_encoded_is_not_kept() -> None:
    deep: Any = {}
    for _ in range(100_000):
        deep = {"a": deep}
    memory = Remembered()
    activity = msgspec.structs.replace(_event("create", 1), object=deep)
    memory.completed(activity)
    assert memory.size == 0


@given(st.lists(st.tuples(st.sampled_from(["create", "update", "delete", "get"]), st.integers(0, 5)), max_size=30))
def test_the_size_is_that_of_what_is_kept(steps: list[tuple[str, int]]) -> None:
    memory, twin = Remembered(max_bytes=2_000), Remembered(max_bytes=2_000)
    for verb, number in steps:
        event = _event(verb, None if verb == "delete" else number, name=f"p{number}")
        assert memory.completed(event) == twin.completed(event)
        assert 0 <= memory.size <= 2_000
    for number in range(6):
        memory.completed(_event("delete", name=f"p{number}"))
    assert memory.size == 0
