"""What K10 does by itself when somebody touches its points, actions and policies."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.cluster.errors import KubectlError
from tests.cluster.identities import BACKUP_OPERATOR
from tests.cluster.waiting import eventually
from tests.k10.standin import K10StandIn

ACCOUNT = "system:serviceaccount:kasten-io:k10-k10"


def _create(k10: K10StandIn, kind: str, namespace: str, spec: dict[str, Any], *, as_k10: bool = False) -> str:
    manifest = {
        "apiVersion": "actions.kio.kasten.io/v1alpha1",
        "kind": kind,
        "metadata": {"generateName": "test-", "namespace": namespace},
        "spec": spec,
    }
    run: Callable[..., str] = k10.kubectl if as_k10 else k10.cluster.kubectl
    return run("create", "--filename=-", "--output=jsonpath={.metadata.name}", stdin=json.dumps(manifest))


def _run_policy(k10: K10StandIn, policy: str, *, as_k10: bool = False, **more: Any) -> None:
    subject = {"kind": "Policy", "name": policy, "namespace": "kasten-io"}
    name = _create(k10, "RunAction", "kasten-io", {"subject": subject, **more}, as_k10=as_k10)
    state = ("get", "runaction", name, "--namespace=kasten-io", "--output=jsonpath={.status.state}")
    eventually(lambda: k10.cluster.kubectl(*state) == "Complete")


def _names(k10: K10StandIn, resource: str, *arguments: str) -> set[str]:
    listed = json.loads(k10.cluster.kubectl("get", resource, *arguments, "--output=json"))
    return {item["metadata"]["name"] for item in listed["items"]}


def _audit(k10: K10StandIn) -> list[dict[str, Any]]:
    return [json.loads(line) for line in k10.cluster.audit_log.read_text().splitlines()]


def _by_k10(k10: K10StandIn, verb: str, resource: str) -> list[dict[str, Any]]:
    return [
        event
        for event in _audit(k10)
        if event["user"].get("username") == ACCOUNT
        and event["verb"] == verb
        and event.get("objectRef", {}).get("resource") == resource
        and event["stage"] == "ResponseComplete"
        and event["responseStatus"]["code"] < 300
    ]


def _policy(k10: K10StandIn, name: str, application: str, *, daily: int) -> None:
    expression = {"key": "k10.kasten.io/appNamespace", "operator": "In", "values": [application]}
    spec = {
        "frequency": "@daily",
        "retention": {"daily": daily},
        "selector": {"matchExpressions": [expression]},
        "actions": [{"action": "backup"}],
    }
    metadata = {"name": name, "namespace": "kasten-io"}
    k10.cluster.apply(
        json.dumps(
            {"apiVersion": "config.kio.kasten.io/v1alpha1", "kind": "Policy", "metadata": metadata, "spec": spec}
        )
    )


def test_deleting_a_content_takes_its_point_along_and_leaves_a_retire_action(k10: K10StandIn) -> None:
    before = _names(k10, "retireactions")

    k10.cluster.kubectl("delete", "restorepointcontent", "shop-scheduled-00003", identity=BACKUP_OPERATOR)

    assert "scheduled-00003" not in _names(k10, "restorepoints", "--namespace=shop")
    assert len(_names(k10, "retireactions") - before) == 1
    # Inside the catalog, where kube-apiserver does not look.
    assert not [
        event for event in _by_k10(k10, "create", "retireactions") if event["userAgent"].startswith("aggregated")
    ]


def test_deleting_a_point_keeps_its_content(k10: K10StandIn) -> None:
    k10.cluster.kubectl("delete", "restorepoint", "scheduled-00004", "--namespace=shop")

    state = k10.cluster.kubectl(
        "get", "restorepointcontent", "shop-scheduled-00004", "--output=jsonpath={.status.state}"
    )
    assert state == "Unbound"


def test_many_contents_go_with_one_request(k10: K10StandIn) -> None:
    selector = "--selector=k10.kasten.io/appName=intranet"
    k10.cluster.kubectl("get", "restorepointcontents", selector)
    before = _names(k10, "retireactions")

    answer = k10.cluster.request(
        "DELETE",
        "/apis/apps.kio.kasten.io/v1alpha1/restorepointcontents?labelSelector=k10.kasten.io%2FappName%3Dintranet",
    )

    assert len(answer.json()["items"]) == 10
    assert not _names(k10, "restorepoints", "--namespace=intranet")
    assert len(_names(k10, "retireactions") - before) == 10


def test_contents_cannot_be_made_by_clients(k10: K10StandIn) -> None:
    manifest = {
        "apiVersion": "apps.kio.kasten.io/v1alpha1",
        "kind": "RestorePointContent",
        "metadata": {"name": "forged"},
    }

    with pytest.raises(KubectlError, match="MethodNotAllowed"):
        k10.cluster.kubectl("create", "--filename=-", stdin=json.dumps(manifest))


def test_a_point_can_be_made_from_a_content_in_any_namespace(k10: K10StandIn) -> None:
    manifest = {
        "apiVersion": "apps.kio.kasten.io/v1alpha1",
        "kind": "RestorePoint",
        "metadata": {"name": "forged", "namespace": "default"},
        "spec": {"restorePointContentRef": {"name": "billing-scheduled-00002"}},
    }

    k10.cluster.kubectl("create", "--filename=-", stdin=json.dumps(manifest))

    label = "--output=jsonpath={.metadata.labels.k10\\.kasten\\.io/appNamespace}"
    assert k10.cluster.kubectl("get", "restorepoint", "forged", "--namespace=default", label) == "billing"


def test_cancelling_is_taken_and_leaves_no_object(k10: K10StandIn) -> None:
    subject = {"kind": "BackupAction", "name": "scheduled-running", "namespace": "billing"}
    running = ("get", "backupaction", "scheduled-running", "--namespace=billing", "--output=jsonpath={.status.state}")
    assert k10.cluster.kubectl(*running) == "Running"

    _create(k10, "CancelAction", "billing", {"subject": subject})

    assert k10.cluster.kubectl(*running) == "Cancelled"
    with pytest.raises(KubectlError, match="MethodNotAllowed"):
        k10.cluster.kubectl("get", "cancelactions", "--namespace=billing")


def test_a_manual_run_makes_a_point_that_no_retention_touches(k10: K10StandIn) -> None:
    k10.cluster.kubectl("create", "namespace", "archive")
    _policy(k10, "archive", "archive", daily=0)

    _run_policy(k10, "archive")

    assert len(_names(k10, "restorepoints", "--namespace=archive")) == 1
    assert len(_names(k10, "backupactions", "--namespace=archive")) == 1


def test_after_a_cut_of_retention_k10_itself_deletes_the_points(k10: K10StandIn) -> None:
    k10.cluster.kubectl("create", "namespace", "ledger")
    _policy(k10, "ledger", "ledger", daily=5)
    for _ in range(3):
        _run_policy(k10, "ledger", as_k10=True)
    assert len(_names(k10, "restorepoints", "--namespace=ledger")) == 3
    patch = '[{"op":"replace","path":"/spec/retention","value":{"daily":1}}]'

    k10.cluster.kubectl("patch", "policy", "ledger", "--namespace=kasten-io", "--type=json", f"--patch={patch}")
    _run_policy(k10, "ledger")

    labels = "--selector=k10.kasten.io/appName=ledger,!k10.kasten.io/isRunNow"
    assert len(_names(k10, "restorepointcontents", labels)) == 1
    deleted = [
        event for event in _by_k10(k10, "delete", "restorepointcontents") if "ledger" in event["objectRef"]["name"]
    ]
    assert len(deleted) == 2
    assert all(event["userAgent"].startswith("executor-server/") for event in deleted)
    assert len(_by_k10(k10, "create", "retireactions")) >= 2


def test_a_preset_decides_the_retention_of_policies_that_use_it(k10: K10StandIn) -> None:
    k10.cluster.kubectl("create", "namespace", "wiki")
    _policy(k10, "wiki", "wiki", daily=5)
    reference = '{"spec":{"presetRef":{"name":"gold","namespace":"kasten-io"}}}'
    cut = '[{"op":"replace","path":"/spec/backup/retention","value":{"hourly":1}}]'
    for _ in range(2):
        _run_policy(k10, "wiki", as_k10=True)
    k10.cluster.kubectl("patch", "policy", "wiki", "--namespace=kasten-io", "--type=merge", f"--patch={reference}")

    k10.cluster.kubectl("patch", "policypreset", "gold", "--namespace=kasten-io", "--type=json", f"--patch={cut}")
    _run_policy(k10, "wiki", as_k10=True)

    assert len(_names(k10, "restorepoints", "--namespace=wiki")) == 1


def test_a_content_whose_time_has_come_is_collected_by_k10(k10: K10StandIn) -> None:
    content = "billing-scheduled-00005"
    patch = '{"spec":{"expiresAt":"2020-01-01T00:00:00Z"}}'

    k10.cluster.kubectl("patch", "restorepointcontent", content, "--type=merge", f"--patch={patch}")

    eventually(lambda: content not in _names(k10, "restorepointcontents"))
    collected = [
        event["userAgent"]
        for event in _by_k10(k10, "delete", "restorepointcontents")
        if event["objectRef"]["name"] == content
    ]
    assert len(collected) == 1
    assert collected[0].startswith("garbagecollector-server/")


def test_a_deleted_namespace_takes_its_points_along(k10: K10StandIn) -> None:
    k10.cluster.kubectl("create", "namespace", "shortlived")
    _policy(k10, "shortlived", "shortlived", daily=5)
    _run_policy(k10, "shortlived")
    assert _names(k10, "restorepoints", "--namespace=shortlived")

    k10.cluster.kubectl("delete", "namespace", "shortlived", "--timeout=580s")

    labels = "--selector=k10.kasten.io/appName=shortlived"
    assert not _names(k10, "restorepoints", "--all-namespaces", labels)
    assert len(_names(k10, "restorepointcontents", labels)) == 1
