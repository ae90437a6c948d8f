"""An audit event as the row rules are matched against: times, client, request, answer, and what a dry run is."""

from __future__ import annotations

import ipaddress
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from auditwatch.detection.audited import (
    AHEAD_SECONDS,
    Circumstances,
    activity_of,
    event_time,
    heard_time,
    request_key,
)
from auditwatch.detection.trust import AnyPod
from auditwatch.events.activity import Activity, Client, Request, Response

from .building import K10, POLICY_REFERENCE, audited, record

NEW_YEAR = 1767225600.0  # 2026-01-01T00:00:00Z
URI = "/apis/config.kio.kasten.io/v1alpha1/namespaces/kasten-io/policies/daily"


def _request(activity: Activity) -> Request:
    assert isinstance(activity.request, Request)
    return activity.request


def _response(activity: Activity) -> Response:
    assert isinstance(activity.response, Response)
    return activity.response


def test_an_event_happened_when_it_was_answered_and_not_before_it_was_asked() -> None:
    activity = audited()
    assert (activity.time, activity.not_before) == (NEW_YEAR + 0.25, NEW_YEAR)


def test_an_event_without_a_readable_time_happened_when_it_reached_us() -> None:
    assert event_time(record(stageTimestamp="noon")) == NEW_YEAR
    assert event_time(record(stageTimestamp="", requestReceivedTimestamp="")) == 1.0


def test_an_event_of_a_live_source_is_never_of_a_time_long_after_its_receipt() -> None:
    ahead = record(stageTimestamp="2036-01-01T00:00:00Z", requestReceivedTimestamp="2036-01-01T00:00:00Z")
    live = replace(ahead, received=NEW_YEAR)
    read = Circumstances(k10=K10, pods=AnyPod(), ahead_seconds=AHEAD_SECONDS)

    assert heard_time(live) == NEW_YEAR + AHEAD_SECONDS
    assert (activity_of(live, read).time, activity_of(live, read).not_before) == (NEW_YEAR + 300, NEW_YEAR + 300)
    assert heard_time(replace(record(), received=NEW_YEAR + 9)) == event_time(record())


def test_where_receipt_says_nothing_of_it_an_event_is_of_the_time_it_names() -> None:
    later = record(stageTimestamp="2036-01-01T00:00:00Z")

    assert activity_of(later, Circumstances(k10=K10, pods=AnyPod())).time == event_time(later) > NEW_YEAR


def test_the_row_says_which_record_and_how_well_its_actor_is_known() -> None:
    activity = audited()
    assert (activity.cluster, activity.source, activity.evidence) == ("prod", "audit-log", "Audited")
    assert activity.attribution == "Audited"
    assert audited(evidence="K10Stream").attribution == "Correlated"


@pytest.mark.parametrize(
    ("stage", "code", "outcome"),
    [
        ("ResponseComplete", 201, "Succeeded"),
        ("ResponseStarted", 101, "Succeeded"),
        ("ResponseComplete", 403, "Denied"),
        ("ResponseComplete", 422, "Rejected"),
        ("ResponseComplete", 503, "Unknown"),
        ("Panic", 500, "Unknown"),
    ],
)
def test_the_outcome_is_the_codes(stage: str, code: int, outcome: str) -> None:
    assert audited(stage=stage, responseStatus={"code": code}).outcome == outcome


def test_stages_of_one_request_share_a_key_and_other_requests_do_not() -> None:
    started = record(stage="ResponseStarted", stageTimestamp="2026-01-01T00:00:00.100000Z")
    assert request_key(started) == request_key(record()) == audited().key
    assert started.key != record().key
    received = record(stage="RequestReceived", responseStatus=None)
    assert request_key(received) == request_key(record(impersonatedUser={"username": "jane"}))
    for other in ({"auditID": "a-2"}, {"verb": "update"}, {"requestReceivedTimestamp": "2026-01-01T00:00:01.0Z"}):
        assert request_key(record(other)) != request_key(record())
    assert request_key(record(evidence="K10Stream")) != request_key(record())


def test_the_client_is_the_last_address_or_the_one_before_trusted_proxies() -> None:
    ips = ["198.51.100.7", "10.0.0.5", "10.9.9.9"]
    assert audited(sourceIPs=ips).client == Client(ip="10.9.9.9", ips=tuple(ips), agent="kubectl/v1.34.0")
    proxies = (ipaddress.ip_network("10.0.0.0/8"),)
    found = audited(sourceIPs=ips, trusted_proxies=proxies).client
    assert isinstance(found, Client)
    assert found.ip == "198.51.100.7"


def test_the_request_is_read_as_the_server_understood_it() -> None:
    request = _request(audited(requestURI=f"{URI}?fieldManager=a&fieldManager=b&x=%2Fy"))
    assert request.path == URI
    assert request.query == {"fieldManager": ("a", "b"), "x": ("/y",)}
    assert (request.command, request.args, request.dry_run) == ("", (), False)


def test_the_command_of_an_exec_is_in_its_uri() -> None:
    pods = {"resource": "pods", "subresource": "exec", "namespace": "kasten-io", "name": "catalog-0"}
    uri = "/api/v1/namespaces/kasten-io/pods/catalog-0/exec?command=sh&command=-c&command=cat+x&stdin=true"
    activity = audited(verb="get", objectRef=pods, requestURI=uri, stage="ResponseStarted")
    assert _request(activity).args == ("sh", "-c", "cat x")
    assert _request(activity).command == "sh -c cat x"
    assert activity.object is msgspec.UNSET


def test_the_answer_is_kept_with_its_words() -> None:
    status = {"code": 403, "reason": "Forbidden", "message": "no"}
    issued = {"authentication.kubernetes.io/issued-credential-id": "JTI=9"}
    assert _response(audited(responseStatus=status, annotations=issued)) == Response(
        code=403, reason="Forbidden", phrase="Forbidden", message="no", issued_credential_id="JTI=9"
    )
    assert _response(audited(responseStatus={"code": 299})).phrase == ""


def test_the_event_is_there_in_its_own_words_without_bodies() -> None:
    event = audited(requestObject={"spec": {"paused": True}}, annotations={"a/b": "c"}).event
    assert isinstance(event, dict)
    assert (event["auditID"], event["annotations"], event["user"]["username"]) == ("a-1", {"a/b": "c"}, "eve")
    assert "requestObject" not in event


DRY = f"{URI}?dryRun=All"


@pytest.mark.parametrize("verb", ["create", "update", "patch"])
def test_a_dry_run_of_what_the_api_server_stores_itself_is_one(verb: str) -> None:
    assert _request(audited(verb=verb, requestURI=DRY)).dry_run is True


def _reference(**fields: str) -> dict[str, Any]:
    return {**POLICY_REFERENCE, **fields}


@pytest.mark.parametrize(
    "event",
    [
        {"verb": "delete"},
        {"verb": "deletecollection"},
        {"objectRef": _reference(apiGroup="actions.kio.kasten.io", resource="runactions")},
        {"objectRef": {"resource": "serviceaccounts", "subresource": "token", "name": "k10-k10"}, "verb": "create"},
        {"objectRef": {"apiGroup": "authorization.k8s.io", "resource": "selfsubjectaccessreviews"}, "verb": "create"},
        {"objectRef": None},
    ],
)
def test_a_dry_run_that_may_be_a_lie_is_not_believed(event: dict[str, Any]) -> None:
    assert _request(audited(event, requestURI=DRY)).dry_run is None
    assert _request(audited(event)).dry_run is False


@pytest.mark.parametrize("query", ["dryRun=None", "dryRun=", "dryRun=All&dryRun=None"])
def test_a_dry_run_asked_for_in_another_spelling_is_not_believed(query: str) -> None:
    assert _request(audited(requestURI=f"{URI}?{query}")).dry_run is None


def test_a_dry_run_asked_for_in_the_body_of_a_delete_is_not_believed() -> None:
    body = {"kind": "DeleteOptions", "dryRun": ["All"]}
    assert _request(audited(verb="delete", requestObject=body)).dry_run is None


@pytest.mark.parametrize("query", ["dryRun=All;x=1", "x=dryRun=All"])
def test_what_the_server_does_not_take_for_a_dry_run_is_none(query: str) -> None:
    assert _request(audited(requestURI=f"{URI}?{query}")).dry_run is False


def test_a_row_survives_the_journal() -> None:
    activity = audited(requestObject={"spec": {"paused": None}})
    assert msgspec.json.decode(msgspec.json.encode(activity), type=Activity) == activity


def test_nobody_is_not_concluded_from_a_user_that_could_not_be_read() -> None:
    activity = audited(user={"username": 7})
    assert "FieldsUnreadable" in activity.degraded
    assert (activity.actor.kind, activity.actor.is_k10) == ("", None)
