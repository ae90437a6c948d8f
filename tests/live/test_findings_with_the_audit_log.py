"""The product whole, with the audit log connected: who did it, once for each incident however many sources saw it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.identities import INTRUDER
from tests.k10.standin import K10StandIn
from tests.live import policies
from tests.live.audited import FILE, WEBHOOK, AuditedPlane
from tests.live.installation import NAMESPACE, Installation

READ = {
    "name": "secret-read",
    "severity": "High",
    "match": {"apiGroups": [""], "resources": ["secrets"], "namespaces": ["kasten-io"], "verbs": ["get"]},
}


@pytest.fixture(scope="module")
def connected(
    kubernetes_binary: Path, k10apis_binary: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """An operator beside K10, with the audit log by file and webhook, and K10's own stream."""
    directory = tmp_path_factory.mktemp("audited")
    with (
        AuditedPlane(directory / "plane", binary=kubernetes_binary) as plane,
        K10StandIn(plane.cluster, binary=k10apis_binary),
    ):
        installed = Installation(plane.cluster, directory=directory / "operator", settings={"sources": plane.sources})
        installed.install()
        plane.cluster.kubectl(
            "create", "clusterrolebinding", "stolen", "--clusterrole=cluster-admin", f"--user={INTRUDER.user}"
        )
        installed.start()
        try:
            installed.wait_ready()
            installed.watch(rules=[READ])
            installed.wait(lambda: states(installed) == {"Live"}, what="every source to be Live")
            yield installed
        finally:
            installed.stop()


def states(installed: Installation) -> set[str]:
    return {source["state"] for source in installed.watch_status().get("sources", [])}


def attributed(installed: Installation, rule: str, name: str) -> dict[str, Any]:
    """The finding of this rule about this object, once it is known who it was."""

    def found() -> list[dict[str, Any]]:
        return [
            each
            for each in installed.findings_of(rule)
            if each["spec"].get("target", {}).get("name") == name
            and each.get("status", {}).get("attribution") in ("Audited", "Correlated")
        ]

    installed.wait(lambda: bool(found()), what=f"an attributed finding of {rule} about {name}")
    return found()[0]


def test_every_source_is_live_once_our_own_requests_came_back(connected: Installation) -> None:
    sources = {source["name"]: source for source in connected.watch_status()["sources"]}

    assert set(sources) == {"state", "k10-stream", FILE, WEBHOOK}
    assert all(source["lastProofOfLifeTime"] for source in sources.values())


def test_a_paused_policy_names_who_paused_it_and_what_it_was_before(connected: Installation) -> None:
    policies.make(connected.cluster, "paused-by-mallory")
    policies.pause(connected.cluster, "paused-by-mallory", identity=INTRUDER)

    status = attributed(connected, "policy-paused", "paused-by-mallory")["status"]

    change = next(each for each in status["changes"] if each["path"] == "spec.paused")
    assert (change["old"], change["new"]) == ("false", "true")
    assert [actor["id"] for actor in status["actors"]] == [INTRUDER.user]
    assert status["count"] == 1


def test_a_read_that_changes_nothing_is_found(connected: Installation) -> None:
    connected.cluster.kubectl("create", "secret", "generic", "passphrase", "-n", "kasten-io", "--from-literal=a=b")
    connected.cluster.kubectl("get", "secret", "passphrase", "-n", "kasten-io", identity=INTRUDER)

    status = attributed(connected, "secret-read", "passphrase")["status"]

    assert [actor["id"] for actor in status["actors"]] == [INTRUDER.user]
    assert status["count"] == 1


def test_our_own_requests_make_no_finding(connected: Installation) -> None:
    assert "k10-auditwatch-canary" not in json.dumps(connected.findings())


def test_rules_see_more_than_without_the_audit_log(connected: Installation) -> None:
    connected.wait(
        lambda: connected.watch_status().get("visibility", {}).get("full", 0) > 0, what="a rule that sees everything"
    )


def test_a_restart_counts_nothing_twice(connected: Installation) -> None:
    policies.make(connected.cluster, "paused-before")
    policies.pause(connected.cluster, "paused-before", identity=INTRUDER)
    attributed(connected, "policy-paused", "paused-before")

    connected.kill()
    policies.make(connected.cluster, "paused-after")
    policies.pause(connected.cluster, "paused-after", identity=INTRUDER)
    connected.start()

    assert attributed(connected, "policy-paused", "paused-after")["status"]["count"] == 1
    assert attributed(connected, "policy-paused", "paused-before")["status"]["count"] == 1
    describe = connected.cluster.kubectl("get", "k10f", "-n", NAMESPACE)
    assert INTRUDER.user.partition("@")[0] in describe
