"""What is kept of an object, and what can still be said of one that is built to be unreadable."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from auditwatch.sources.state.observation import KEPT, Observation, UnreadableError, last_change, observe, seconds
from tests.unit.sources.making import POINTS, POLICIES, REDACTOR, raw, seen


def body(observation: Observation) -> dict[str, Any]:
    kept = KEPT.decode(observation.payload).body
    assert kept is not None
    return kept


def deep_raw(name: str, *, levels: int, version: str = "1", bottom: str = "1") -> bytes:
    nested = '{"a":' * levels + bottom + "}" * levels
    metadata = f'{{"name":"{name}","namespace":"kasten-io","uid":"uid-of-{name}","resourceVersion":"{version}"}}'
    return f'{{"apiVersion":"x/v1","kind":"Policy","metadata":{metadata},"spec":{nested}}}'.encode()


def deep(name: str, *, levels: int, version: str = "1", bottom: str = "1") -> Observation:
    return observe(POLICIES, REDACTOR, deep_raw(name, levels=levels, version=version, bottom=bottom))


def with_metadata(**metadata: Any) -> Observation:
    obj = {"metadata": {"name": "n", "uid": "u", "resourceVersion": "3", **metadata}, "spec": {}, "status": {"a": 1}}
    return observe(POLICIES, REDACTOR, json.dumps(obj).encode())


def test_an_object_is_known_by_its_uid_and_version() -> None:
    observation = seen("daily", version="42")

    assert (observation.uid, observation.version) == ("uid-of-daily", "42")
    assert (KEPT.decode(observation.payload).name, KEPT.decode(observation.payload).namespace) == ("daily", "kasten-io")


def test_an_object_without_a_uid_is_known_by_its_name() -> None:
    observation = observe(POLICIES, REDACTOR, b'{"metadata":{"name":"n","namespace":"ns"}}')

    assert observation.uid == "ns/n"


def test_status_and_what_the_server_counts_are_not_kept() -> None:
    kept = body(with_metadata(generation=4, selfLink="/x", managedFields=[{"manager": "m"}], labels={"a": "b"}))

    assert kept == {"metadata": {"name": "n", "uid": "u", "labels": {"a": "b"}}, "spec": {}}


def test_two_versions_that_differ_in_churn_only_have_the_same_payload() -> None:
    assert with_metadata(resourceVersion="3").payload == with_metadata(resourceVersion="4", generation=9).payload


def test_the_order_of_fields_is_no_difference() -> None:
    one = observe(POLICIES, REDACTOR, b'{"metadata":{"name":"n"},"spec":{"a":1,"b":2}}')
    other = observe(POLICIES, REDACTOR, b'{"spec":{"b":2,"a":1},"metadata":{"name":"n"}}')

    assert one.payload == other.payload


def test_secrets_do_not_reach_the_payload() -> None:
    observation = seen(receiveString="Pl4nted", frequency="@daily")

    assert b"Pl4nted" not in observation.payload
    assert body(observation)["spec"]["receiveString"] == REDACTOR.hide("Pl4nted")


def test_of_a_restore_point_only_facts_are_kept() -> None:
    point = {
        "metadata": {"name": "p", "namespace": "shop", "uid": "u", "annotations": {"long": "x" * 5000}},
        "spec": {"expiresAt": "2027-01-01T00:00:00Z", "restorePointContentRef": {"name": "c"}, "more": [1] * 500},
    }

    observation = observe(POINTS, REDACTOR, json.dumps(point).encode())

    assert body(observation)["spec"] == {"expiresAt": "2027-01-01T00:00:00Z", "restorePointContentRef": {"name": "c"}}
    assert len(observation.payload) < 400


@pytest.mark.parametrize("levels", [250, 3000, 9900])
def test_an_object_nested_too_deeply_keeps_its_identity(levels: int) -> None:
    observation = deep("daily", levels=levels, version="8")

    assert (observation.uid, observation.version) == ("uid-of-daily", "8")
    kept = KEPT.decode(observation.payload)
    assert (kept.name, kept.namespace, kept.body) == ("daily", "kasten-io", None)


def test_an_object_nested_as_deeply_as_real_ones_is_read() -> None:
    assert body(deep("daily", levels=100))["spec"]


def test_braces_inside_a_text_are_no_depth() -> None:
    assert body(seen(text='{"' * 500))["spec"] == {"text": '{"' * 500}


def test_a_change_of_an_unreadable_object_is_still_noticed() -> None:
    assert deep("a", levels=3000, bottom="1").payload != deep("a", levels=3000, bottom="2").payload
    assert deep("a", levels=3000, version="1").payload == deep("a", levels=3000, version="2").payload


def test_a_lone_surrogate_costs_the_body_and_not_the_object() -> None:
    observation = observe(POLICIES, REDACTOR, b'{"metadata":{"name":"n","uid":"u"},"spec":{"a":"\\ud800"}}')

    assert (observation.uid, KEPT.decode(observation.payload).body) == ("u", None)


def test_a_hostile_annotation_costs_the_body_and_not_the_identity() -> None:
    hostile = (
        b'{"metadata":{"annotations":{"a":"\\ud800 \\" } {"},"name":"n","uid":"u","resourceVersion":"5"},"spec":{}}'
    )

    observation = observe(POLICIES, REDACTOR, hostile)

    assert (observation.uid, observation.version) == ("u", "5")


@pytest.mark.parametrize(
    "shape",
    [{"labels": []}, {"labels": "text"}, {"managedFields": {"a": 1}}, {"managedFields": [1, None, {"time": 3}]}],
)
def test_metadata_of_an_impossible_shape_is_observed_all_the_same(shape: dict[str, Any]) -> None:
    obj = {"metadata": {"name": "n", "uid": "u", **shape}, "spec": []}

    for kind in (POLICIES, POINTS):
        assert observe(kind, REDACTOR, json.dumps(obj).encode()).uid == "u"


@pytest.mark.parametrize("junk", [b"", b"null", b"[]", b"{}", b'{"metadata":3}', b'{"metadata":{"uid":"u"}}', b'{"a":'])
def test_bytes_without_any_identity_are_said_to_be_unreadable(junk: bytes) -> None:
    with pytest.raises(UnreadableError):
        observe(POLICIES, REDACTOR, junk)


def entry(manager: str, time: str, subresource: str = "") -> dict[str, str]:
    return {"manager": manager, "time": time, "subresource": subresource}


def test_the_last_writer_is_the_newest_that_did_not_write_status() -> None:
    fields = [
        entry("helm", "2026-11-01T10:00:00Z"),
        entry("kubectl-edit", "2026-11-03T10:00:00Z"),
        entry("controller", "2026-11-05T10:00:00Z", "status"),
    ]

    assert last_change({"managedFields": fields}) == (seconds("2026-11-03T10:00:00Z"), "kubectl-edit")


def test_of_two_who_wrote_within_one_second_nobody_is_named() -> None:
    fields = [
        entry("kubectl", "2026-11-03T10:00:00Z"),
        entry("kubectl-patch", "2026-11-03T10:00:00Z"),
        entry("helm", "2026-11-01T10:00:00Z"),
    ]

    assert last_change({"managedFields": fields}) == (seconds("2026-11-03T10:00:00Z"), "")
    assert last_change({"managedFields": [fields[0], fields[0]]}) == (seconds("2026-11-03T10:00:00Z"), "kubectl")


def test_without_managed_fields_the_creation_is_the_last_known_change() -> None:
    assert last_change({"creationTimestamp": "2026-11-01T10:00:00Z"}) == (seconds("2026-11-01T10:00:00Z"), "")
    assert last_change({}) == (None, "")


def test_the_time_and_manager_of_a_write_come_with_the_observation() -> None:
    observation = with_metadata(managedFields=[entry("kubectl-patch", "2026-11-03T10:00:00Z")])

    assert (observation.changed, observation.manager) == (1_793_700_000.0, "kubectl-patch")


@pytest.mark.parametrize("text", [None, 5, "", "yesterday", "2026-13-45T00:00:00Z"])
def test_what_is_no_time_is_no_time(text: object) -> None:
    assert seconds(text) is None


def test_the_payload_is_json() -> None:
    assert msgspec.json.decode(seen().payload)["name"] == "daily"
    assert json.loads(raw())["kind"] == "Policy"
