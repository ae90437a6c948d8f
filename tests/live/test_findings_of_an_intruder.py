"""The product whole: an intruder with kubectl, the operator as a process, and its findings."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster.identities import INTRUDER
from tests.k10.standin import K10StandIn
from tests.live import policies
from tests.live.installation import NAMESPACE, Installation


@pytest.fixture(autouse=True, scope="module")
def stolen_rights(k10: K10StandIn) -> Iterator[None]:
    """The intruder is cluster-admin here, and again nobody for the tests that share this K10."""
    k10.cluster.kubectl(
        "create", "clusterrolebinding", "stolen", "--clusterrole=cluster-admin", f"--user={INTRUDER.user}"
    )
    yield
    k10.cluster.kubectl("delete", "clusterrolebinding", "stolen")


def finding(operator: Installation, rule: str, name: str) -> dict[str, Any]:
    """The finding of this rule about this object, once it has a status."""

    def found() -> list[dict[str, Any]]:
        return [
            each
            for each in operator.findings_of(rule)
            if each["spec"].get("target", {}).get("name") == name and each.get("status", {}).get("count")
        ]

    operator.wait(lambda: bool(found()), what=f"a finding of {rule} about {name}")
    return found()[0]


def test_a_paused_policy_is_found_with_old_and_new_value(k10: K10StandIn, operator: Installation) -> None:
    policies.make(k10.cluster, "paused-one")
    policies.pause(k10.cluster, "paused-one", identity=INTRUDER)

    found = finding(operator, "policy-paused", "paused-one")

    change = next(each for each in found["status"]["changes"] if each["path"] == "spec.paused")
    assert (change["old"], change["new"]) == ("false", "true")
    assert found["status"]["count"] == 1


def test_a_retention_cut_by_json_patch_is_found(k10: K10StandIn, operator: Installation) -> None:
    policies.make(k10.cluster, "cut-one")
    cut = [{"op": "replace", "path": "/spec/retention/daily", "value": 1}]
    patch = ("patch", policies.RESOURCE, "cut-one", "-n", policies.NAMESPACE, "--type=json", "-p", json.dumps(cut))
    k10.cluster.kubectl(*patch, identity=INTRUDER)

    found = finding(operator, "retention-cut", "cut-one")

    change = next(each for each in found["status"]["changes"] if each["path"] == "spec.retention.daily")
    assert (change["old"], change["new"]) == ("7", "1")


def test_who_did_it_is_called_a_hint_and_not_proof(k10: K10StandIn, operator: Installation) -> None:
    policies.make(k10.cluster, "hinted-one")
    time.sleep(1.1)  # managedFields cut times to whole seconds, and of two who wrote in one nobody is named
    policies.pause(k10.cluster, "hinted-one", identity=INTRUDER)

    status = finding(operator, "policy-paused", "hinted-one")["status"]

    assert status["attribution"] == "FieldManager"
    assert "mallory" not in json.dumps(status)


def test_describe_shows_the_event_of_a_finding(k10: K10StandIn, operator: Installation) -> None:
    policies.make(k10.cluster, "described-one")
    policies.pause(k10.cluster, "described-one", identity=INTRUDER)
    name = finding(operator, "policy-paused", "described-one")["metadata"]["name"]

    operator.wait(
        lambda: (
            "Detected"
            in k10.cluster.kubectl("events", "--for", f"k10securityfinding/{name}", "-n", NAMESPACE, "-o", "json")
        ),
        what="the Event",
    )

    assert "PolicyPaused" in k10.cluster.kubectl("describe", "k10f", name, "-n", NAMESPACE)


def test_a_workload_scaled_to_zero_is_found(k10: K10StandIn, operator: Installation) -> None:
    k10.cluster.kubectl("scale", "deployment/jobs-svc", "-n", "kasten-io", "--replicas=0", identity=INTRUDER)

    assert finding(operator, "k10-scaled-to-zero", "jobs-svc")["status"]["severity"] in ("High", "Critical")


def test_status_updates_of_k10_itself_are_no_findings(k10: K10StandIn, operator: Installation) -> None:
    policies.make(k10.cluster, "quiet-one")
    k10.kubectl("annotate", "policies.config.kio.kasten.io", "quiet-one", "-n", "kasten-io", "example.com/seen=1")
    policies.make(k10.cluster, "loud-one")
    policies.pause(k10.cluster, "loud-one", identity=INTRUDER)
    finding(operator, "policy-paused", "loud-one")

    assert [each for each in operator.findings() if each["spec"].get("target", {}).get("name") == "quiet-one"] == []
