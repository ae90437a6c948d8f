"""What of an audit event decides whether it made a change, and which two tellings are of one request."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from auditwatch.detection.joiner.asking import Asked, asked_of
from auditwatch.detection.joiner.fitting import SLACK_SECONDS
from auditwatch.detection.joiner.pairing import is_same_request, nearest
from auditwatch.detection.joiner.steps import Step, step_of
from auditwatch.detection.settle import SERVER_TIME_GRAIN_SECONDS, settle
from auditwatch.events.activity import Activity
from tests.unit.detection.joiner.making import APPS, CONFIG, START, body, change, event, translate

POLICY = {"apiGroup": CONFIG, "resource": "policies", "namespace": "kasten-io", "name": "daily"}
POD = {"resource": "pods", "namespace": "shop", "name": "db-0"}
STATUS = {"kind": "Status", "apiVersion": "v1", "metadata": {"resourceVersion": "99"}, "status": "Success"}


def asked(*verb: str, **fields: Any) -> Asked:
    record = event(*verb, **fields)
    return asked_of(record, translate(record))


def test_a_request_is_known_by_its_object_its_times_and_whose_rights_it_used() -> None:
    found = asked("patch", at=3.0, took=0.5, user="eve", impersonatedUser={"username": "jane"}, auditID="a-1")

    assert found.place == ("prod", CONFIG, "policies", "kasten-io", "daily")
    assert (found.start, found.end) == (START + 3.0, START + 3.5)
    assert (found.verb, found.outcome, found.audit_id, found.user) == ("patch", "Succeeded", "a-1", "jane")
    assert found.uri == f"/apis/{CONFIG}/v1alpha1/namespaces/kasten-io/policies/daily"


def test_a_request_whose_beginning_cannot_be_read_began_when_it_was_answered() -> None:
    found = asked(at=3.0, took=0.5, requestReceivedTimestamp="noon")

    assert (found.start, found.end) == (START + 3.5, START + 3.5)


@pytest.mark.parametrize(
    ("verb", "answer", "version"),
    [
        ("create", body("11"), "11"),
        ("update", body("11"), "11"),
        ("patch", body("11"), "11"),
        ("get", body("11"), ""),
        ("delete", body("11"), ""),
        ("patch", STATUS, ""),
        ("patch", {"kind": "Policy", "metadata": {"resourceVersion": 11}}, ""),
        ("patch", {"kind": "Policy", "metadata": ["resourceVersion"]}, ""),
        ("patch", {"kind": "Policy", "metadata": {}}, ""),
        ("patch", {"kind": "Policy"}, ""),
        ("patch", [body("11")], ""),
        ("patch", None, ""),
    ],
)
def test_the_version_is_that_of_the_object_a_write_was_answered_with(verb: str, answer: Any, version: str) -> None:
    assert asked(verb, responseObject=answer).version == version


@pytest.mark.parametrize(
    ("query", "agent", "manager"),
    [
        ("?fieldManager=argocd", "kubectl/v1.34.0", "argocd"),
        ("?fieldManager=&x=1", "kubectl/v1.34.0", "kubectl"),
        ("?fieldManager=a&fieldManager=b", "kubectl/v1.34.0", "a"),
        ("?x=fieldManager", "kubectl-edit/v1.34.0 (linux)", "kubectl-edit"),
        ("", "Mozilla", "Mozilla"),
        ("", "/v1", ""),
        ("", "", ""),
    ],
)
def test_the_writer_is_signed_as_kube_apiserver_signs_it(query: str, agent: str, manager: str) -> None:
    assert asked(query=query, userAgent=agent).manager == manager


@pytest.mark.parametrize(
    ("verb", "code", "created"),
    [
        ("update", 201, True),
        ("patch", 201, True),
        ("update", 200, False),
        ("patch", 200, False),
        ("patch", 202, None),
        ("patch", 503, None),
        ("create", 201, None),
        ("delete", 200, None),
    ],
)
def test_an_update_says_by_its_code_whether_it_made_the_object(verb: str, code: int, *, created: bool | None) -> None:
    assert asked(verb, code=code).created is created


@pytest.mark.parametrize(
    ("fields", "writes"),
    [
        ({"verb": "create"}, True),
        ({"verb": "update"}, True),
        ({"verb": "patch"}, True),
        ({"verb": "delete"}, True),
        ({"verb": "deletecollection"}, True),
        ({"verb": "get"}, False),
        ({"verb": "list"}, False),
        ({"verb": "watch"}, False),
        ({"code": 403}, False),
        ({"code": 409}, False),
        ({"code": 504}, True),
        ({"stage": "Panic", "code": 500}, True),
        ({"stage": "RequestReceived"}, True),
        ({"objectRef": POLICY | {"subresource": "status"}}, False),
        ({"objectRef": POLICY | {"subresource": "scale"}}, True),
        ({"verb": "create", "objectRef": POD | {"subresource": "eviction"}}, True),
        ({"verb": "create", "objectRef": POD | {"subresource": "exec"}}, False),
        ({"verb": "create", "objectRef": POD | {"subresource": "portforward"}}, False),
        ({"objectRef": POD, "query": "?dryRun=All"}, True),
        ({"objectRef": POD | {"apiVersion": "v1"}, "group": "", "query": "?dryRun=All", "verb": "delete"}, True),
        ({"objectRef": POLICY, "query": "?dryRun=All"}, True),
    ],
)
def test_a_request_may_have_written_unless_its_verb_its_answer_or_its_place_says_otherwise(
    fields: dict[str, Any], *, writes: bool
) -> None:
    verb = fields.get("verb", "patch")
    record = event(verb, **{name: value for name, value in fields.items() if name != "verb"})
    row = msgspec.structs.replace(translate(record), request=msgspec.UNSET)

    assert asked_of(record, row).writes is writes


@pytest.mark.parametrize(("group", "writes"), [("rbac.authorization.k8s.io", False), (APPS, True)])
def test_a_dry_run_is_believed_of_the_api_servers_own_kinds_alone(group: str, *, writes: bool) -> None:
    assert asked("patch", group=group, resource="roles", query="?dryRun=All").writes is writes


def test_both_versions_of_the_object_are_the_whole_of_what_is_to_be_known() -> None:
    made = {"requestObject": body("", n=1), "responseObject": body("11", n=1)}

    assert asked("create", code=201, **made).is_whole
    assert not asked("update", **made).is_whole
    assert not asked("delete").is_whole
    assert asked("delete", responseObject=body("11", n=1)).is_whole


def test_an_object_deleted_by_name_is_the_one_whose_uid_the_answer_says() -> None:
    assert asked("delete", responseStatus={"code": 200, "details": {"uid": "uid-7"}}).uid == "uid-7"


def step(**fields: Any) -> Step:
    seen = change(**fields)
    row = settle(seen)
    assert isinstance(row, Activity)
    return step_of(seen, row)


@pytest.mark.parametrize(
    ("signed", "since", "earliest", "latest"),
    [
        (None, -30.0, -30.0, 5.0),
        (None, None, None, 5.0),
        (3.0, -30.0, 3.0, 3.0 + SERVER_TIME_GRAIN_SECONDS),
        (3.0, None, 3.0, 3.0 + SERVER_TIME_GRAIN_SECONDS),
        (5.0, -30.0, 5.0, 5.0 + SERVER_TIME_GRAIN_SECONDS),
        (5.5, -30.0, -30.0, 5.0),
        (-31.0, -30.0, -30.0, 5.0),
        (-30.5, -30.0, -30.5, -30.5 + SERVER_TIME_GRAIN_SECONDS),
    ],
    ids=["none", "first", "signed", "signed first", "last", "later than seen", "of an earlier change", "same second"],
)
def test_a_change_happened_when_the_server_says_if_that_is_between_the_looks(
    signed: float | None, since: float | None, earliest: float | None, latest: float
) -> None:
    found = step(signed=signed, since=since, at=5.0)

    assert found.earliest == (None if earliest is None else START + earliest)
    assert (found.latest, found.seen) == (START + latest, START + 5.0)


def test_of_several_writes_since_a_listing_one_time_does_not_tell_of_all() -> None:
    several = step(signed=-5.0, since=-30.0, at=5.0, manner="List")
    made = step(verb="create", signed=-5.0, since=-30.0, at=5.0, manner="List")

    assert (several.earliest, several.latest) == (START - 30.0, START + 5.0)
    assert (made.earliest, made.latest) == (START - 5.0, START - 5.0 + SERVER_TIME_GRAIN_SECONDS)


GOING = {"metadata": {"deletionTimestamp": "2027-01-15T08:00:00Z"}}


@pytest.mark.parametrize(
    ("fields", "ends", "was_ending"),
    [
        ({}, False, False),
        ({"new": GOING}, True, False),
        ({"old": GOING, "new": GOING}, False, True),
        ({"verb": "delete"}, True, False),
        ({"verb": "delete", "old": GOING}, True, True),
        ({"verb": "create"}, False, False),
        ({"new": {"metadata": {"deletionTimestamp": None}}}, False, False),
        ({"new": {"metadata": "deletionTimestamp"}}, False, False),
    ],
)
def test_an_object_ends_with_the_mark_of_its_deletion_or_with_its_disappearance(
    fields: dict[str, Any], *, ends: bool, was_ending: bool
) -> None:
    found = step(**fields)

    assert (found.ends, found.was_ending) == (ends, was_ending)


def test_what_was_listed_may_be_several_changes_and_what_was_watched_is_one() -> None:
    assert step().is_single
    assert not step(manner="List").is_single


FRONT = Asked(
    place=("prod", APPS, "restorepoints", "shop", "rp-1"),
    verb="delete",
    outcome="Succeeded",
    start=100.0,
    end=101.0,
    audit_id="a-1",
    user="eve",
    uri="/x",
)


def behind(**fields: Any) -> Asked:
    return msgspec.structs.replace(FRONT, **({"start": 100.2, "end": 100.8} | fields))


@pytest.mark.parametrize(
    ("fields", "is_same"),
    [
        ({}, True),
        ({"place": ("prod", APPS, "restorepoints", "shop", "")}, True),
        ({"place": ("prod", APPS, "restorepoints", "other", "rp-1")}, False),
        ({"place": ("prod", APPS, "restorepointcontents", "shop", "rp-1")}, False),
        ({"place": ("other", APPS, "restorepoints", "shop", "rp-1")}, False),
        ({"audit_id": "a-2"}, False),
        ({"user": "bob"}, False),
        ({"verb": "get"}, False),
        ({"uri": "/y"}, False),
        ({"start": 100.0 - SLACK_SECONDS}, True),
        ({"start": 99.9 - SLACK_SECONDS}, False),
        ({"start": 101.0 + SLACK_SECONDS}, True),
        ({"start": 101.1 + SLACK_SECONDS}, False),
        ({"outcome": "Denied"}, False),
        ({"outcome": "Unknown"}, False),
    ],
)
def test_two_tellings_are_of_one_request_where_all_agrees_that_no_client_chose(
    fields: dict[str, Any], *, is_same: bool
) -> None:
    assert is_same_request(FRONT, behind(**fields)) is is_same


@pytest.mark.parametrize("outcome", ["Succeeded", "Denied", "Unknown"])
def test_what_the_api_server_left_open_the_server_behind_may_have_told(outcome: Any) -> None:
    assert is_same_request(msgspec.structs.replace(FRONT, outcome="Unknown"), behind(outcome=outcome))


def test_requests_without_an_audit_id_are_never_told_to_be_one() -> None:
    assert not is_same_request(msgspec.structs.replace(FRONT, audit_id=""), behind(audit_id=""))


def test_of_several_that_agree_the_nearest_in_time_is_it() -> None:
    found = [(behind(start=100.9), "late"), (behind(start=99.8), "near"), (behind(start=98.0), "early")]

    assert nearest(FRONT, found) == "near"
    assert nearest(FRONT, reversed(found)) == "near"
    assert nearest(FRONT, []) is None


def test_a_change_is_known_by_its_object_its_version_and_who_signed_it() -> None:
    found = step(version="11", manager="kubectl-edit", signed=0.0)

    assert (found.place, found.uid) == (("prod", CONFIG, "policies", "kasten-io", "daily"), "uid-daily")
    assert (found.verb, found.version, found.manager) == ("update", "11", "kubectl-edit")
    assert step(verb="delete").version == ""


def test_an_object_of_which_only_what_was_is_known_is_not_the_whole() -> None:
    row = translate(event("update"))

    assert not asked_of(event("update"), msgspec.structs.replace(row, old_object={})).is_whole
    assert not asked_of(event("update"), msgspec.structs.replace(row, object={})).is_whole
    assert asked_of(event("update"), msgspec.structs.replace(row, object={}, old_object=None)).is_whole


def test_where_the_answer_was_not_seen_it_is_open_whether_the_object_was_made() -> None:
    row = msgspec.structs.replace(translate(event("patch")), response=msgspec.UNSET)

    assert asked_of(event("patch"), row).created is None
