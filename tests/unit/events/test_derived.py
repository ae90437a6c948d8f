"""What is derived from an event rests on what the API server wrote, and on a client's word nowhere."""

from ipaddress import ip_network
from typing import Any

import msgspec
import pytest

from auditwatch.events import derived
from auditwatch.events.activity import Outcome
from auditwatch.events.audit import AuditEvent, ObjectReference, ResponseStatus, UserInfo

POLICY = ObjectReference(resource="policies", api_group="config.kio.kasten.io", namespace="kasten-io", name="daily")
EVENT = AuditEvent(
    audit_id="a",
    stage="ResponseComplete",
    request_uri="/apis/config.kio.kasten.io/v1alpha1/namespaces/kasten-io/policies/daily",
    verb="patch",
    user=UserInfo(username="mallory"),
    object_ref=POLICY,
    response_status=ResponseStatus(code=200),
)
PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


def event(**changed: Any) -> AuditEvent:
    return msgspec.structs.replace(EVENT, **changed)


def asked(uri: str, **changed: Any) -> AuditEvent:
    return event(request_uri=f"/apis/x?{uri}", **changed)


def of_subresource(name: str, **changed: Any) -> AuditEvent:
    return event(object_ref=ObjectReference(resource="pods", subresource=name), **changed)


def answered(code: int, stage: str = "ResponseComplete", **changed: Any) -> AuditEvent:
    return event(stage=stage, response_status=ResponseStatus(code=code), **changed)


def test_the_effective_user_is_the_impersonated_one_where_there_is_one() -> None:
    assert derived.effective_user(EVENT).username == "mallory"
    assert derived.effective_user(event(impersonated_user=UserInfo(username="alice"))).username == "alice"


@pytest.mark.parametrize(
    ("addresses", "client"),
    [
        ((), ""),
        (("9.9.9.9",), "9.9.9.9"),
        (("8.8.8.8", "9.9.9.9"), "9.9.9.9"),
        (("8.8.8.8", "9.9.9.9", "10.1.1.1"), "9.9.9.9"),
        (("8.8.8.8", "9.9.9.9", "::ffff:10.1.1.1"), "9.9.9.9"),
        (("10.3.3.3", "10.1.1.1"), "10.3.3.3"),
        (("2001:db8::1", "fd00::5"), "2001:db8::1"),
        (("9.9.9.9", "no address", "10.1.1.1"), "no address"),
    ],
)
def test_the_client_is_the_rightmost_address_that_is_no_trusted_proxy(addresses: tuple[str, ...], client: str) -> None:
    found = derived.client_addresses(event(source_ips=addresses), PROXIES)

    assert found.address == client
    assert found.addresses == addresses


def test_without_trusted_proxies_only_the_last_address_is_believed() -> None:
    assert derived.client_addresses(event(source_ips=("8.8.8.8", "10.1.1.1"))).address == "10.1.1.1"


def test_the_path_and_the_parameters_are_decoded() -> None:
    found = event(request_uri="/apis/a%2eb/x%20y?a=1&b=%26&a=2&c&d=x+y")

    assert derived.request_path(found) == "/apis/a.b/x y"
    assert derived.query(found) == {"a": ("1", "2"), "b": ("&",), "c": ("",), "d": ("x y",)}
    assert derived.query(event(request_uri="/apis")) == {}


def test_a_query_of_half_a_million_parameters_is_read_and_not_remembered() -> None:
    long = event(request_uri="/apis?" + "&".join(["a"] * 500_000))
    before = derived._remembered_query.cache_info()

    assert derived.query(long) == {"a": ("",) * 500_000}
    assert derived._remembered_query.cache_info() == before


def test_what_one_reader_does_to_a_query_the_next_one_does_not_see() -> None:
    short = event(request_uri="/apis?a=1")
    derived.query(short).clear()

    assert derived.query(short) == {"a": ("1",)}


@pytest.mark.parametrize("uri", ["a=1;b=2", "a=%zz", "a=%4", "%=a"])
def test_a_parameter_that_the_api_server_drops_is_not_there(uri: str) -> None:
    assert derived.query(asked(f"{uri}&kept=1")) == {"kept": ("1",)}


def test_the_command_of_an_exec_is_read_word_by_word_from_the_uri() -> None:
    words = "command=sh&command=-c&command=cat+%2Fetc%2Fpasswd&container=app"

    assert derived.exec_command(of_subresource("exec", request_uri=f"/p?{words}")) == ("sh", "-c", "cat /etc/passwd")
    assert derived.exec_command(of_subresource("log", request_uri=f"/p?{words}")) == ()
    assert derived.exec_command(event(object_ref=None)) == ()


@pytest.mark.parametrize("subresource", ["exec", "attach", "portforward", "proxy", "log"])
def test_requests_that_stay_open_are_long_running(subresource: str) -> None:
    assert derived.is_long_running(of_subresource(subresource, verb="get"))


def test_watches_are_long_running_and_other_requests_are_not() -> None:
    assert derived.is_long_running(event(verb="watch"))
    assert derived.is_long_running(event(verb="get", object_ref=None, request_uri="/debug/pprof/profile"))
    assert not derived.is_long_running(event(verb="get", request_uri="/debug/pprof/profile"))
    assert not derived.is_long_running(event(verb="list"))
    assert not derived.is_long_running(of_subresource("status"))
    assert not derived.is_long_running(event(verb="get", object_ref=None, request_uri="/healthz"))


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (101, "Succeeded"),
        (200, "Succeeded"),
        (201, "Succeeded"),
        (302, "Succeeded"),
        (400, "Rejected"),
        (401, "Denied"),
        (403, "Denied"),
        (404, "Rejected"),
        (409, "Rejected"),
        (422, "Rejected"),
        (429, "Rejected"),
        (500, "Unknown"),
        (503, "Unknown"),
        (504, "Unknown"),
        (0, "Unknown"),
        (-1, "Unknown"),
        (999, "Unknown"),
    ],
)
def test_the_outcome_follows_from_the_code(code: int, outcome: Outcome) -> None:
    assert derived.outcome_of(answered(code)) == outcome


def test_a_panic_a_missing_answer_and_a_missing_status_leave_the_outcome_unknown() -> None:
    assert derived.outcome_of(answered(200, "Panic")) == "Unknown"
    assert derived.outcome_of(answered(0, "RequestReceived")) == "Unknown"
    assert derived.outcome_of(event(response_status=None)) == "Unknown"


def test_an_annotation_that_allows_does_not_outweigh_a_refusal() -> None:
    refused = answered(403, annotations={"authorization.k8s.io/decision": "allow"})

    assert derived.outcome_of(refused) == "Denied"


@pytest.mark.parametrize(
    "found",
    [
        answered(200),
        answered(500, "Panic"),
        answered(401, "ResponseStarted", user=UserInfo(), object_ref=None),
        answered(200, "ResponseStarted", verb="watch"),
        of_subresource("exec", stage="ResponseStarted"),
    ],
)
def test_the_last_stage_decides_and_the_first_answer_of_what_stays_open_or_was_not_let_in(found: AuditEvent) -> None:
    assert derived.is_decisive(found)


@pytest.mark.parametrize(
    "found", [answered(0, "RequestReceived"), answered(200, "ResponseStarted"), event(stage="Unheard")]
)
def test_a_stage_that_another_one_follows_decides_nothing(found: AuditEvent) -> None:
    assert not derived.is_decisive(found)


@pytest.mark.parametrize("verb", ["create", "update", "patch"])
def test_a_dry_run_is_believed_where_it_cannot_lie(verb: str) -> None:
    assert derived.is_dry_run(asked("dryRun=All&x=1", verb=verb), served_by_apiserver=True) is True
    assert derived.is_dry_run(asked("x=1", verb=verb), served_by_apiserver=True) is False


@pytest.mark.parametrize("verb", ["delete", "deletecollection", "get", ""])
def test_a_dry_run_of_another_verb_is_not_believed(verb: str) -> None:
    assert derived.is_dry_run(asked("dryRun=All", verb=verb), served_by_apiserver=True) is None


def test_a_dry_run_of_an_aggregated_resource_is_not_believed() -> None:
    assert derived.is_dry_run(asked("dryRun=All"), served_by_apiserver=False) is None


@pytest.mark.parametrize("subresource", ["exec", "token", "proxy", "eviction", "binding", "portforward"])
def test_a_dry_run_of_an_action_is_not_believed(subresource: str) -> None:
    found = of_subresource(subresource, request_uri="/x?dryRun=All", verb="create")

    assert derived.is_dry_run(found, served_by_apiserver=True) is None


@pytest.mark.parametrize("uri", ["dryRun=All;x=1", "x=dryRun=All", "x=dryRun%3DAll", "dryrun=All", "dryRun=%zz"])
def test_what_only_looks_like_a_dry_run_is_none(uri: str) -> None:
    assert derived.is_dry_run(asked(uri), served_by_apiserver=True) is False


@pytest.mark.parametrize(
    "uri", ["dryRun=all", "dryRun=", "dryRun=None", "dryRun=%41ll", "dryRun=All&dryRun=All", "dryRun=All&dryRun=x"]
)
def test_a_dry_run_that_is_spelled_otherwise_is_unknown(uri: str) -> None:
    assert derived.is_dry_run(asked(uri), served_by_apiserver=True) is None


BOUND: dict[str, tuple[str, ...]] = {
    "authentication.kubernetes.io/credential-id": ("JTI=1",),
    "authentication.kubernetes.io/pod-name": ("k10-0",),
    "authentication.kubernetes.io/pod-uid": ("u-1",),
    "authentication.kubernetes.io/node-name": ("n-1",),
}


def test_the_credential_and_the_pod_are_those_of_the_authenticated_user() -> None:
    found = event(user=UserInfo(username="sa", extra=BOUND))

    assert derived.credential_id(found) == "JTI=1"
    assert (derived.pod_name(found), derived.pod_uid(found), derived.node_name(found)) == ("k10-0", "u-1", "n-1")


def test_what_an_impersonator_claims_for_his_user_is_no_credential_and_no_pod() -> None:
    found = event(impersonated_user=UserInfo(username="sa", extra=BOUND))

    assert derived.credential_id(found) == derived.pod_uid(found) == derived.pod_name(found) == ""
    assert derived.credential_id(event(user=UserInfo(extra=dict.fromkeys(BOUND, ())))) == ""


def test_the_credential_that_a_token_request_issued_is_in_its_annotations() -> None:
    issued = event(annotations={"authentication.kubernetes.io/issued-credential-id": "JTI=2"})

    assert derived.issued_credential_id(issued) == "JTI=2"
    assert derived.issued_credential_id(EVENT) == ""
