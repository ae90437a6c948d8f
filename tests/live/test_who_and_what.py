"""A policy is paused in every way a client may write, and the finding says who it was and what it was before.

At RequestResponse the audit event carries the version it made, so the change it goes with is certain: Audited. At
Metadata it names the object alone; one request fits the change that was watched, and that is Correlated.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.audit import EVERYTHING, METADATA
from tests.cluster.controlplane import ControlPlane
from tests.cluster.identities import INTRUDER
from tests.k10.standin import K10StandIn
from tests.live import policies
from tests.live.audited import AuditedPlane
from tests.live.installation import Installation

LEVELS = {"RequestResponse": (EVERYTHING, "Audited"), "Metadata": (METADATA, "Correlated")}
Pause = Callable[[ControlPlane, str], None]


@pytest.fixture(scope="module", params=sorted(LEVELS))
def connected(
    request: pytest.FixtureRequest,
    kubernetes_binary: Path,
    k10apis_binary: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Installation, str]]:
    """An operator with the audit log of one level by file and webhook, and the attribution to expect there."""
    policy, attribution = LEVELS[request.param]
    directory = tmp_path_factory.mktemp("level")
    with (
        AuditedPlane(directory / "plane", binary=kubernetes_binary, policy=policy) as plane,
        K10StandIn(plane.cluster, binary=k10apis_binary),
    ):
        plane.cluster.kubectl(
            "create", "clusterrolebinding", "stolen", "--clusterrole=cluster-admin", f"--user={INTRUDER.user}"
        )
        installed = Installation(plane.cluster, directory=directory / "operator", settings={"sources": plane.sources})
        installed.install()
        installed.start()
        try:
            installed.watch()
            installed.wait(lambda: live(installed), what="every source to be Live")
            yield installed, attribution
        finally:
            installed.stop()


def live(installed: Installation) -> bool:
    """Whether every source is proven alive."""
    return {source["state"] for source in installed.watch_status().get("sources", [])} == {"Live"}


def by_merge_patch(cluster: ControlPlane, name: str) -> None:
    """What ``kubectl patch --type=merge`` sends."""
    policies.pause(cluster, name, identity=INTRUDER)


def by_json_patch(cluster: ControlPlane, name: str) -> None:
    """What ``kubectl patch --type=json`` sends."""
    operation = json.dumps([{"op": "replace", "path": "/spec/paused", "value": True}])
    patch = ("patch", policies.RESOURCE, name, "-n", policies.NAMESPACE, "--type=json", "-p", operation)
    cluster.kubectl(*patch, identity=INTRUDER)


def by_server_side_apply(cluster: ControlPlane, name: str) -> None:
    """One field applied under a field manager's name that lies."""
    manifest = {
        "apiVersion": "config.kio.kasten.io/v1alpha1",
        "kind": "Policy",
        "metadata": {"name": name, "namespace": policies.NAMESPACE},
        "spec": {**policies.SPEC, "paused": True},
    }
    apply = ("apply", "--server-side", "--force-conflicts", "--field-manager=argocd", "-f", "-")
    cluster.kubectl(*apply, identity=INTRUDER, stdin=json.dumps(manifest))


def by_full_update(cluster: ControlPlane, name: str) -> None:
    """The whole object, read before, put back by ``kubectl replace``."""
    get = ("get", policies.RESOURCE, name, "-n", policies.NAMESPACE, "-o", "json")
    stored = json.loads(cluster.kubectl(*get, identity=INTRUDER))
    stored["spec"]["paused"] = True
    cluster.kubectl("replace", "-f", "-", identity=INTRUDER, stdin=json.dumps(stored))


def findings(installed: Installation, name: str) -> list[dict[str, Any]]:
    """Those about this policy having been paused."""
    return [
        each
        for each in installed.findings_of("policy-paused")
        if each["spec"].get("target", {}).get("name") == name and each.get("status", {}).get("count")
    ]


@pytest.mark.parametrize("pause", [by_merge_patch, by_json_patch, by_server_side_apply, by_full_update])
def test_a_pause_names_who_it_was_and_what_it_was_before(connected: tuple[Installation, str], pause: Pause) -> None:
    installed, attribution = connected
    name = policies.make(installed.cluster, f"paused-{pause.__name__.replace('_', '-')}")
    pause(installed.cluster, name)

    installed.wait(
        lambda: any(each["status"].get("attribution") == attribution for each in findings(installed, name)),
        what=f"an attributed finding about {name}",
        timeout=120,
    )
    (status,) = [each["status"] for each in findings(installed, name)]

    change = next(each for each in status["changes"] if each["path"] == "spec.paused")
    assert (change["old"], change["new"]) == ("false", "true")
    assert [actor["id"] for actor in status["actors"]] == [INTRUDER.user]
    assert status["actors"][0]["clientIPs"] == ["127.0.0.1"]
    assert status["actors"][0]["credentialIDs"]
    assert (status["count"], status["attribution"]) == (1, attribution)
