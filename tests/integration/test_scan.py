"""Audit logs a real API server wrote: scanned while it is attacked, and written under the policy we ask for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from auditwatch.cli.main import app
from tests.cluster.audit import EVERYTHING, Audit
from tests.cluster.controlplane import ControlPlane
from tests.cluster.errors import KubectlError
from tests.cluster.identities import INTRUDER
from tests.k10.crds import definitions
from tests.k10.standin import K10StandIn

POLICY = "policies.config.kio.kasten.io"
DAILY = """
apiVersion: config.kio.kasten.io/v1alpha1
kind: Policy
metadata: {name: NAME, namespace: kasten-io}
spec: {frequency: "@daily", retention: {daily: 7}, paused: false, actions: [{action: backup}]}
"""


def _scan(log: Path, *arguments: str) -> dict[str, Any]:
    result = CliRunner().invoke(app, ["scan", str(log), "-o", "json", *arguments], catch_exceptions=False)
    told: dict[str, Any] = json.loads(result.stdout)
    return told


def _by_rule(told: dict[str, Any], name: str) -> dict[str, dict[str, Any]]:
    """Findings about the object of this name, by rule."""
    findings = [each for each in told["findings"] if each["spec"].get("target", {}).get("name") == name]
    return {each["spec"]["rule"]: each for each in findings}


def test_an_attack_on_k10_is_found_in_the_log_of_its_api_server(k10: K10StandIn) -> None:
    k10.cluster.apply(DAILY.replace("NAME", "scanned"))
    k10.cluster.kubectl("delete", POLICY, "scanned", "-n", "kasten-io")
    told = _scan(k10.cluster.audit_log)
    deleted = _by_rule(told, "scanned")["policy-deleted"]["status"]
    assert deleted["attribution"] == "Audited"
    assert deleted["count"] == 1
    assert [actor["id"] for actor in deleted["actors"]] == ["kubernetes-admin"]
    assert told["summary"]["unreadable"] == []
    with k10.cluster.audit_log.open("rb") as log:
        assert told["summary"]["lines"] <= sum(1 for _ in log)


@pytest.fixture(scope="module")
def served(kubernetes_binary: Path) -> Iterator[ControlPlane]:
    """K10's custom resources on an API server that logs bodies."""
    yield from _served(kubernetes_binary, EVERYTHING)


def _served(binary: Path, policy: str) -> Iterator[ControlPlane]:
    with ControlPlane(binary=binary, audit=Audit(policy=policy), with_controller_manager=False) as cluster:
        wanted = definitions("kio.kasten.io")
        cluster.kubectl("create", "namespace", "kasten-io")
        cluster.apply(wanted)
        cluster.established(*(each["metadata"]["name"] for each in wanted))
        yield cluster


@pytest.mark.parametrize(
    ("kind", "patch"),
    [("merge", {"spec": {"paused": True}}), ("json", [{"op": "replace", "path": "/spec/paused", "value": True}])],
)
def test_a_pause_by_patch_is_found_with_old_and_new_value_and_actor(
    served: ControlPlane, kind: str, patch: object
) -> None:
    name = f"daily-{kind}"
    served.apply(DAILY.replace("NAME", name))
    served.kubectl("patch", POLICY, name, "-n", "kasten-io", f"--type={kind}", "-p", json.dumps(patch))
    paused = _by_rule(_scan(served.audit_log), name)["policy-paused"]["status"]
    assert [(each["path"], each["old"], each["new"]) for each in paused["changes"]] == [
        ("spec.paused", "false", "true")
    ]
    assert paused["actors"][0]["id"] == "kubernetes-admin"


def test_a_pause_by_apply_is_found(served: ControlPlane) -> None:
    served.apply(DAILY.replace("NAME", "daily-apply"))
    served.apply(DAILY.replace("NAME", "daily-apply").replace("paused: false", "paused: true"))
    paused = _by_rule(_scan(served.audit_log), "daily-apply")["policy-paused"]["status"]
    assert ("spec.paused", "true") in [(each["path"], each["new"]) for each in paused["changes"]]


@pytest.fixture(scope="module")
def advised(kubernetes_binary: Path) -> Iterator[ControlPlane]:
    """The same on an API server that was given the policy we print."""
    policy = CliRunner().invoke(app, ["policy", "render"], catch_exceptions=False).stdout
    yield from _served(kubernetes_binary, policy)


def _events(cluster: ControlPlane) -> list[dict[str, Any]]:
    return [json.loads(line) for line in cluster.audit_log.read_text().splitlines()]


def _logged(cluster: ControlPlane, verb: str, resource: str, name: str) -> dict[str, str]:
    """Level by stage of the requests for one object."""
    found: dict[str, str] = {}
    for event in _events(cluster):
        reference = event.get("objectRef", {})
        written = "/".join(filter(None, (reference.get("resource"), reference.get("subresource"))))
        if (event["verb"], written, reference.get("name")) == (verb, resource, name):
            found[event["stage"]] = event["level"]
    return found


def test_an_api_server_takes_the_policy_we_print_and_logs_what_it_says(advised: ControlPlane) -> None:
    advised.apply(DAILY.replace("NAME", "advised"))
    patch = ("-p", '{"spec":{"paused":true}}', "--type=merge")
    advised.kubectl("patch", POLICY, "advised", "-n", "kasten-io", *patch)
    advised.kubectl("delete", POLICY, "advised", "-n", "kasten-io")
    advised.kubectl("create", "secret", "generic", "hidden", "--from-literal=a=b", "-n", "kasten-io")
    advised.kubectl("get", "secret", "hidden", "-n", "kasten-io")
    both = ("RequestReceived", "ResponseComplete")
    assert _logged(advised, "patch", "policies", "advised") == dict.fromkeys(both, "Metadata")
    assert _logged(advised, "delete", "policies", "advised") == dict.fromkeys(both, "RequestResponse")
    assert _logged(advised, "get", "secrets", "hidden") == {"ResponseComplete": "Metadata"}


def test_under_it_a_refused_request_and_a_stolen_token_are_in_the_log_and_noise_is_not(advised: ControlPlane) -> None:
    advised.kubectl("create", "serviceaccount", "k10-k10", "-n", "kasten-io")
    account = advised.service_account_kubeconfig("kasten-io", "k10-k10")
    with suppress(KubectlError):
        advised.kubectl("get", "configmap", "stolen", "-n", "default", kubeconfig=account)
    with suppress(KubectlError):
        advised.kubectl("delete", POLICY, "refused", "-n", "kasten-io", identity=INTRUDER)
    both = ("RequestReceived", "ResponseComplete")
    assert _logged(advised, "create", "serviceaccounts/token", "k10-k10") == dict.fromkeys(both, "Metadata")
    assert _logged(advised, "get", "configmaps", "stolen") == {"ResponseComplete": "Metadata"}
    assert "ResponseComplete" in _logged(advised, "delete", "policies", "refused")
    assert not [event for event in _events(advised) if event.get("objectRef", {}).get("resource") == "leases"]


def test_under_it_a_stolen_token_cannot_watch_unseen_what_it_would_be_seen_to_list(advised: ControlPlane) -> None:
    with suppress(KubectlError):
        advised.kubectl("create", "serviceaccount", "k10-k10", "-n", "kasten-io")
    account = advised.service_account_kubeconfig("kasten-io", "k10-k10")
    for path in ("/apis/config.kio.kasten.io/v1alpha1/profiles", "/apis/apps/v1/deployments"):
        with suppress(KubectlError):
            advised.kubectl("get", "--raw", f"{path}?watch=true&timeoutSeconds=1", kubeconfig=account)
    watches = [
        event for event in _events(advised) if event["verb"] == "watch" and "k10-k10" in event["user"]["username"]
    ]
    assert {event["objectRef"]["resource"] for event in watches} == {"profiles"}
    assert "RequestReceived" not in {event["stage"] for event in watches}


def test_under_it_a_scan_finds_who_deleted_a_policy(advised: ControlPlane) -> None:
    advised.apply(DAILY.replace("NAME", "gone"))
    advised.kubectl("delete", POLICY, "gone", "-n", "kasten-io")
    deleted = _by_rule(_scan(advised.audit_log), "gone")["policy-deleted"]["status"]
    assert (deleted["attribution"], deleted["actors"][0]["id"]) == ("Audited", "kubernetes-admin")
