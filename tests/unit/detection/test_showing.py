"""Audit events in rules' tests: the same way as real ones, with what may be left out filled in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from auditwatch.api.ruletests import RuleTest
from auditwatch.detection.compile import RuleSource, compile_watch
from auditwatch.detection.selftest import TestResult, run_rule_tests
from auditwatch.detection.showing import FIRST_TIME, shown_rows
from auditwatch.events.activity import Activity
from auditwatch.k10.identity import K10Instance
from auditwatch.k10.view import InstalledK10

from .building import K10_ACCOUNT, POD, rule_set

REFERENCE = {"apiGroup": "config.kio.kasten.io", "resource": "policies", "namespace": "kasten-io", "name": "daily"}
DELETED = {"verb": "delete", "user": {"username": "eve"}, "objectRef": REFERENCE}
RULE = """
- name: policy-gone
  title: "{actor.id} deleted {target.name}"
  match: {apiGroups: [config.kio.kasten.io], resources: [policies], verbs: [delete, deletecollection, patch]}
  where: [{noneOf: [[{field: actor.isK10, operator: Equals, values: ["true"]}]]}]
"""
POD_STATE = {
    "resource": "pods",
    "old": None,
    "new": {
        "metadata": {"name": "catalog-0", "namespace": "kasten-io", "uid": "k10-pod"},
        "spec": {"serviceAccountName": "k10-k10"},
    },
}


def _run(*events: dict[str, Any], state: list[Any] | None = None, **test: Any) -> TestResult:
    shown = {"events": [json.dumps(event) for event in events]} if events else {}
    if state:
        shown["state"] = [json.dumps(change) for change in state]
    rules = RULE + f"  tests: {json.dumps([{'name': 't', **shown, **test}])}"
    [result] = run_rule_tests(rule_set(rules))
    return result


def _rows(**test: Any) -> list[Activity]:
    written = RuleTest.model_validate({"name": "t", "expect": "Match", **test})
    return list(shown_rows(rule_set(RULE), written))


def _k10(pod: str) -> dict[str, Any]:
    return {**DELETED, "user": {"username": K10_ACCOUNT, "extra": {POD: [pod]}}}


def test_an_event_is_matched_with_what_is_left_out_filled_in() -> None:
    assert _run(DELETED, expect="Match", title="eve deleted daily").failures == ()
    [row] = _rows(event=json.dumps(DELETED))
    assert (row.time, row.outcome, row.evidence) == (FIRST_TIME, "Succeeded", "Audited")


def test_what_an_event_says_itself_is_not_filled_in() -> None:
    refused = {**DELETED, "responseStatus": {"code": 403}, "stageTimestamp": "2026-02-01T00:00:00Z"}
    assert _run(refused, expect="NoMatch").failures == ()
    assert _rows(event=json.dumps(refused))[0].time == 1769904000.0


def test_events_follow_each_other_and_what_was_there_before_them() -> None:
    first, second, third = _rows(events=[json.dumps(DELETED)] * 2, state=[json.dumps(POD_STATE)])
    assert [first.time, second.time, third.time] == [FIRST_TIME, FIRST_TIME + 1, FIRST_TIME + 2]
    assert [first.evidence, second.evidence] == ["State", "Audited"]


def test_a_request_told_of_twice_counts_once() -> None:
    twice = {**DELETED, "auditID": "x", "requestReceivedTimestamp": "2026-02-01T00:00:00Z"}
    assert _run(twice, {**twice, "stage": "Panic"}, expect="NoMatch", count=1).failures == (
        "expected NoMatch, got Match: Medium, 'eve deleted daily'",
    )
    assert len(_rows(events=[json.dumps(twice), json.dumps({**twice, "stageTimestamp": "2026-02-01T00:00:01Z"})])) == 1


def test_a_stage_that_decides_nothing_shows_nothing() -> None:
    assert _rows(event=json.dumps({**DELETED, "stage": "RequestReceived"})) == []


def test_a_change_of_the_events_object_is_what_the_event_did() -> None:
    patch = {**DELETED, "verb": "patch"}
    state = {
        "resource": "config.kio.kasten.io/policies",
        "old": {"metadata": REFERENCE, "spec": {"paused": False}},
        "new": {"metadata": {**REFERENCE, "uid": "u-1"}, "spec": {"paused": True}},
    }
    [row] = _rows(event=json.dumps(patch), state=[json.dumps(state)])
    assert (row.evidence, row.target.uid) == ("Audited", "u-1")
    assert isinstance(row.object, dict)
    assert isinstance(row.old_object, dict)
    assert (row.old_object["spec"], row.object["spec"]) == ({"paused": False}, {"paused": True})
    assert len(_rows(event=json.dumps({**patch, "responseStatus": {"code": 403}}), state=[json.dumps(state)])) == 2
    assert len(_rows(event=json.dumps({**patch, "verb": "create"}), state=[json.dumps(state)])) == 2


def test_what_was_there_before_is_the_old_object_of_the_event() -> None:
    before = {"metadata": REFERENCE, "spec": {"paused": False}}
    after = {"metadata": REFERENCE, "spec": {"paused": True}}
    state = {"resource": "config.kio.kasten.io/policies", "old": None, "new": before}
    patch = {**DELETED, "verb": "patch", "responseObject": after}
    _, row = _rows(event=json.dumps(patch), state=[json.dumps(state)])
    assert (row.old_object, row.object) == (before, after)


def test_pods_that_are_shown_are_k10s_and_without_any_every_pod_is() -> None:
    assert _run(_k10("anything"), expect="NoMatch").failures == ()
    assert _run(_k10("k10-pod"), state=[POD_STATE], expect="NoMatch").failures == ()
    assert _run(_k10("other"), state=[POD_STATE], expect="Match").failures == ()
    no_pod = {**DELETED, "user": {"username": K10_ACCOUNT}}
    assert _run(no_pod, expect="NoMatch").failures == ()
    assert _run(no_pod, state=[POD_STATE], expect="Match").failures == ()


def test_groups_are_those_of_the_k10_at_hand() -> None:
    k10 = InstalledK10(K10Instance(api_domain="kio.backup"))
    rules, _ = compile_watch(RuleSource(watch="team/watch"), k10=k10, now=0.0)
    test = RuleTest.model_validate({"name": "t", "event": json.dumps(DELETED), "expect": "Match"})
    [row] = shown_rows(rules, test)
    assert row.target.group == "config.kio.backup"


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({**DELETED, "sourceIPs": "10.0.0.1"}, "event 1: a field has a value of the wrong type"),
        ({**DELETED, "kind": "Pod"}, "event 1: JSON of another kind"),
    ],
)
def test_an_event_that_is_none_fails_its_test_and_no_other(event: dict[str, Any], reason: str) -> None:
    for expect in ("Match", "NoMatch", "Unknown"):
        [failure] = _run(event, expect=expect).failures
        assert failure.startswith(f"cannot be run: {reason}")


def test_events_may_come_from_k10s_own_stream() -> None:
    [row] = _rows(event=json.dumps(_k10("k10-pod")), evidence="K10Stream")
    assert (row.evidence, row.actor.is_k10) == ("K10Stream", None)
    assert _run(_k10("k10-pod"), evidence="K10Stream", expect="Unknown").failures == ()


@pytest.mark.parametrize(
    ("parts", "attribution"),
    [
        ({}, "Correlated"),
        ({"responseObject": {"metadata": {"name": "daily"}, "spec": {"paused": True}}}, "Audited"),
        ({"verb": "delete"}, "Audited"),
    ],
)
def test_a_change_is_attributed_as_surely_as_the_event_tells_it(parts: dict[str, Any], attribution: str) -> None:
    old = {"metadata": {"name": "daily", "namespace": "kasten-io"}, "spec": {}}
    new = None if parts.get("verb") == "delete" else {**old, "spec": {"paused": True}}
    event = {
        "verb": "patch",
        "user": {"username": "eve"},
        "objectRef": {
            "apiGroup": "config.kio.kasten.io", "resource": "policies", "namespace": "kasten-io", "name": "daily"
        },
        **parts,
    }  # fmt: skip
    shown = json.dumps({"resource": "config.kio.kasten.io/policies", "old": old, "new": new})
    (row,) = _rows(event=json.dumps(event), state=[shown])
    assert (row.attribution, row.confirmed_by) == (attribution, ("State",))
