"""Shapes of real events at the borders of what is derived from them: codes, stages, addresses, dry runs."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest

from auditwatch.events import derived
from auditwatch.events.activity import Outcome
from auditwatch.events.audit import AuditEvent, ObjectReference, ResponseStatus, UserInfo

POLICY = ObjectReference(resource="policies", api_group="config.kio.kasten.io", namespace="kasten-io", name="daily")
POD = ObjectReference(resource="pods", namespace="shop", name="db-0", api_version="v1")


def event(code: int | None = 200, stage: str = "ResponseComplete", **fields: Any) -> AuditEvent:
    status = None if code is None else ResponseStatus(code=code)
    return AuditEvent(**{"verb": "patch", "object_ref": POLICY, "response_status": status, "stage": stage, **fields})


def of_pod(subresource: str, verb: str, code: int | None = 200, stage: str = "ResponseComplete") -> AuditEvent:
    reference = ObjectReference(resource="pods", namespace="shop", name="db-0", subresource=subresource)
    return event(code, stage, object_ref=reference, verb=verb)


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (99, "Unknown"),
        (100, "Succeeded"),
        (101, "Succeeded"),
        (299, "Succeeded"),
        (304, "Succeeded"),
        (399, "Succeeded"),
        (400, "Rejected"),
        (401, "Denied"),
        (402, "Rejected"),
        (403, "Denied"),
        (404, "Rejected"),
        (429, "Rejected"),
        (499, "Rejected"),
        (500, "Unknown"),
    ],
)
def test_each_class_of_codes_begins_and_ends_where_http_says(code: int, outcome: Outcome) -> None:
    assert derived.outcome_of(event(code)) == outcome


def test_the_code_of_a_request_without_an_answer_is_none() -> None:
    assert derived.code_of(event(None)) == 0
    assert derived.code_of(event(201)) == 201


def test_a_request_for_a_url_has_no_subresource() -> None:
    assert derived.subresource(event(object_ref=None)) == ""
    assert derived.subresource(of_pod("exec", "get")) == "exec"


@pytest.mark.parametrize(
    ("found", "is_open"),
    [
        (of_pod("", "watch"), True),
        (event(verb="proxy", object_ref=POD), True),
        (of_pod("attach", "get"), True),
        (of_pod("exec", "create"), True),
        (of_pod("proxy", "get"), True),
        (of_pod("log", "get"), True),
        (of_pod("portforward", "get"), True),
        (of_pod("eviction", "create"), False),
        (of_pod("status", "patch"), False),
        (of_pod("ephemeralcontainers", "patch"), False),
        (event(verb="get", object_ref=None, request_uri="/debug/pprof/profile?seconds=30"), True),
        (event(verb="get", object_ref=None, request_uri="/debug/pprof"), False),
        (event(verb="get", object_ref=POD, request_uri="/debug/pprof/profile"), False),
        (event(verb="get", object_ref=None, request_uri="/x?y=/debug/pprof/"), False),
    ],
)
def test_a_request_stays_open_where_kube_apiserver_says_so(found: AuditEvent, *, is_open: bool) -> None:
    assert derived.is_long_running(found) is is_open


@pytest.mark.parametrize(
    ("stages", "deciding"),
    [
        (("RequestReceived", "ResponseComplete"), "ResponseComplete"),
        (("RequestReceived", "Panic"), "Panic"),
    ],
)
@pytest.mark.parametrize("verb", ["get", "list", "create", "update", "patch", "delete", "deletecollection"])
def test_of_a_short_request_exactly_one_stage_decides(verb: str, stages: tuple[str, ...], deciding: str) -> None:
    found = [stage for stage in stages if derived.is_decisive(event(stage=stage, verb=verb))]

    assert found == [deciding]


@pytest.mark.parametrize("code", [400, 403, 404])
def test_a_first_answer_decides_a_short_request_only_where_nobody_was_let_in(code: int) -> None:
    assert not derived.is_decisive(event(code, "ResponseStarted"))
    assert derived.is_decisive(event(401, "ResponseStarted"))
    assert derived.is_decisive(of_pod("exec", "get", code, "ResponseStarted"))


@pytest.mark.parametrize("subresource", ["", "status", "scale"])
def test_a_dry_run_is_believed_where_the_object_is_only_written(subresource: str) -> None:
    reference = ObjectReference(resource="deployments", api_group="apps", name="db", subresource=subresource)
    found = event(object_ref=reference, request_uri="/x?dryRun=All")

    assert derived.is_dry_run(found, served_by_apiserver=True) is True


@pytest.mark.parametrize("subresource", ["ephemeralcontainers", "Status", "scale/x"])
def test_a_dry_run_of_any_other_subresource_is_not_believed(subresource: str) -> None:
    reference = ObjectReference(resource="pods", name="db", subresource=subresource)
    found = event(object_ref=reference, request_uri="/x?dryRun=All")

    assert derived.is_dry_run(found, served_by_apiserver=True) is None


@pytest.mark.parametrize("second", ["DRYRUN=All", "xdryRunx=1", "%64ryRun=All", "x=dryRun"])
def test_a_second_part_that_speaks_of_a_dry_run_makes_the_first_doubtful(second: str) -> None:
    found = event(request_uri=f"/x?dryRun=All&{second}")

    assert derived.is_dry_run(found, served_by_apiserver=True) is None


@pytest.mark.parametrize(
    ("networks", "addresses", "client"),
    [
        (("10.0.0.0/8",), ("2001:db8::1", "10.0.0.1"), "2001:db8::1"),
        (("fd00::/8",), ("8.8.8.8", "10.0.0.1"), "10.0.0.1"),
        (("fd00::/8",), ("8.8.8.8", "fd00::1", "fd00::2"), "8.8.8.8"),
        (("0.0.0.0/0", "::/0"), ("8.8.8.8", "fd00::1"), "8.8.8.8"),
        (("10.0.0.0/8",), ("", "10.0.0.1"), ""),
        (("10.0.0.0/8",), ("9.9.9.9", "10.0.0.1/8"), "10.0.0.1/8"),
        (("10.0.0.0/8",), ("9.9.9.9", "::ffff:11.0.0.1"), "::ffff:11.0.0.1"),
    ],
)
def test_a_proxy_is_trusted_in_the_networks_of_its_own_kind_of_address(
    networks: tuple[str, ...], addresses: tuple[str, ...], client: str
) -> None:
    found = derived.client_addresses(event(source_ips=addresses), [ip_network(each) for each in networks])

    assert (found.address, found.addresses) == (client, addresses)


@pytest.mark.parametrize(
    ("key", "read"),
    [
        ("credential-id", derived.credential_id),
        ("pod-uid", derived.pod_uid),
        ("pod-name", derived.pod_name),
        ("node-name", derived.node_name),
    ],
)
def test_each_fact_about_a_credential_is_the_first_value_of_its_own_key(key: str, read: Any) -> None:
    name = f"authentication.kubernetes.io/{key}"

    assert read(event(user=UserInfo(extra={name: ("first", "second")}))) == "first"
    assert read(event(user=UserInfo(extra={key: ("first",), f"{name}s": ("other",)}))) == ""


def test_a_command_is_that_of_an_exec_alone_and_keeps_its_order_and_its_empty_words() -> None:
    uri = "/api/v1/namespaces/shop/pods/db-0/exec?command=sh&stdin=true&command=&command=-c"
    shape: dict[str, Any] = {"verb": "get", "request_uri": uri}

    def of(subresource: str) -> AuditEvent:
        return event(object_ref=ObjectReference(resource="pods", subresource=subresource), **shape)

    assert derived.exec_command(of("exec")) == ("sh", "", "-c")
    assert derived.exec_command(of("attach")) == ()
    assert derived.exec_command(of("")) == ()
