"""K10's own audit stream, and the node that lets kubectl read it."""

import json
import subprocess
from typing import Any

import pytest

from tests.cluster.errors import KubectlError
from tests.cluster.fixtures import NewControlPlane
from tests.cluster.identities import BACKUP_OPERATOR
from tests.cluster.waiting import eventually
from tests.k10.standin import K10StandIn

LOGS = ("logs", "deployment/aggregatedapis-svc", "--namespace=kasten-io")


def _events(log: str) -> list[dict[str, Any]]:
    return [json.loads(line)["K10Event"] for line in log.splitlines() if "K10Event" in line]


def _delete(k10: K10StandIn, content: str) -> None:
    k10.cluster.kubectl("delete", "restorepointcontent", content, identity=BACKUP_OPERATOR)


def test_a_deletion_is_in_the_stream_with_body_and_actor(k10: K10StandIn) -> None:
    _delete(k10, "billing-scheduled-00006")

    event = next(
        event
        for event in _events(k10.cluster.kubectl(*LOGS))
        if event["verb"] == "delete" and event["objectRef"].get("name") == "billing-scheduled-00006"
    )
    assert event["apiVersion"] == "audit.k8s.io/v1"
    assert event["level"] == "RequestResponse"
    assert event["user"]["username"] == "backup-operator"
    assert event["objectRef"]["apiGroup"] == "apps.kio.kasten.io"


def test_kube_apiserver_and_the_stream_tell_of_one_request_under_one_id(k10: K10StandIn) -> None:
    _delete(k10, "billing-scheduled-00007")

    streamed = {event["auditID"] for event in _events(k10.cluster.kubectl(*LOGS)) if event["verb"] == "delete"}
    recorded = [json.loads(line) for line in k10.cluster.audit_log.read_text().splitlines()]
    [mine] = [
        event
        for event in recorded
        if event.get("objectRef", {}).get("name") == "billing-scheduled-00007"
        and event["verb"] == "delete"
        and event["stage"] == "ResponseComplete"
    ]
    assert mine["auditID"] in streamed
    assert "responseObject" not in mine


def test_what_k10_does_not_audit_is_not_in_the_stream(k10: K10StandIn) -> None:
    k10.cluster.kubectl("get", "storagerepositories", "--namespace=kasten-io")

    groups = {event["objectRef"]["apiGroup"] for event in _events(k10.cluster.kubectl(*LOGS))}
    assert "repositories.kio.kasten.io" not in groups
    assert groups <= {"actions.kio.kasten.io", "apps.kio.kasten.io", "vault.kio.kasten.io"}


def test_the_log_can_be_followed(k10: K10StandIn) -> None:
    command = [str(k10.cluster.binary), "kubectl", *LOGS, "--follow", "--tail=0", "--timestamps"]
    config = {"KUBECONFIG": str(k10.cluster.kubeconfig()), "HOME": str(k10.cluster.directory)}
    log = k10.cluster.directory / "followed.log"
    with log.open("w") as out, subprocess.Popen(command, stdout=out, env=config) as process:
        eventually(lambda: _touched(k10, log.read_text()))
        process.terminate()

    time, _, line = log.read_text().splitlines()[0].partition(" ")
    assert time.endswith("Z")
    assert "K10Event" in line


def _touched(k10: K10StandIn, log: str) -> bool:
    k10.cluster.kubectl("get", "passkey", "k10MasterKey")
    return "k10MasterKey" in log


def test_old_lines_can_be_left_out(k10: K10StandIn) -> None:
    k10.cluster.kubectl("get", "passkeys")

    assert len(k10.cluster.kubectl(*LOGS, "--tail=1").splitlines()) == 1
    assert not k10.cluster.kubectl(*LOGS, "--since-time=2099-01-01T00:00:00Z")


def test_a_restart_of_the_container_begins_another_log(k10: K10StandIn) -> None:
    _delete(k10, "billing-scheduled-00008")

    k10.restart()

    assert "billing-scheduled-00008" not in k10.cluster.kubectl(*LOGS)
    eventually(lambda: "billing-scheduled-00008" in k10.cluster.kubectl(*LOGS, "--previous"))


def test_other_pods_have_a_log_too(k10: K10StandIn) -> None:
    log = k10.cluster.kubectl("logs", "deployment/catalog-svc", "--container=catalog-svc", "--namespace=kasten-io")

    assert "K10Event" not in log


def test_k10_elsewhere_without_watch_and_stream(new_control_plane: NewControlPlane, k10apis_binary: Any) -> None:
    cluster = new_control_plane()
    with K10StandIn(
        cluster, watch=False, stream=False, api_domain="kio.backup", points=2, binary=k10apis_binary
    ) as k10:
        answer = cluster.request("GET", "/apis/apps.kio.backup/v1alpha1/restorepoints?watch=1")
        assert (answer.status, answer.json()["reason"]) == (405, "MethodNotAllowed")
        assert "scheduled-00002" in cluster.kubectl("get", "restorepoints.apps.kio.backup", "--namespace=shop")
        assert "daily-backup" in cluster.kubectl("get", "policies.config.kio.backup", "--namespace=kasten-io")
        assert "K10Event" not in cluster.kubectl(*LOGS)
        with pytest.raises(KubectlError):
            cluster.kubectl("get", "restorepoints.apps.kio.kasten.io")
        k10.cluster.kubectl("delete", "restorepointcontents.apps.kio.backup", "shop-scheduled-00001")
        assert k10.cluster.kubectl("get", "retireactions.actions.kio.backup", "--output=name")
