"""The chart's NetworkPolicies where they are enforced: what must pass does, and nothing else. `make e2e`.

Each thing that is refused is seen to pass before anybody enforces: the policies, and nothing else, refuse it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cluster.errors import KubectlError
from tests.cluster.node.namespaces import ADDRESS
from tests.cluster.node.node import Node
from tests.cluster.skipping import skipped_where_impossible
from tests.cluster.waiting import eventually
from tests.e2e import attacks, connecting, enforcement
from tests.e2e.release import NAME, NAMESPACE, Release, prepared
from tests.e2e.steps import Steps
from tests.images.project import REFERENCE
from tests.k10.pods import K10InPods

pytestmark = pytest.mark.e2e
NEIGHBOUR, MONITORING = "neighbour", "monitoring"
PROBES, WEBHOOK, FOREIGN = 8080, 8443, 8080
OPEN = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=3)"
OWN = f"namespaceSelector.matchLabels.kubernetes\\.io/metadata\\.name={MONITORING}"


@dataclass(frozen=True, slots=True)
class Place:
    """A pod: who asks or is asked."""

    namespace: str
    pod: str

    def address(self, node: Node) -> str:
        return node.kubectl("get", "pod", self.pod, "-n", self.namespace, "-o", "jsonpath={.status.podIP}")


@pytest.fixture(scope="module")
def node(able_machine: None, kubernetes_binary: Path) -> Iterator[Node]:  # noqa: ARG001 - it has nothing to say but yes
    """A node of these tests' own: what enforcement does to its packets ends with it."""
    with skipped_where_impossible("NetworkPolicies cannot be enforced here"):
        enforcement.check()
    with Node(binary=kubernetes_binary) as started:
        yield started


@pytest.fixture(scope="module")
def release(node: Node, image_archive: Path) -> Iterator[Release]:
    """Nothing installed yet."""
    with prepared(node, K10InPods(node).start(), image_archive) as made:
        yield made


@pytest.fixture(scope="module")
def installed(release: Release, node: Node, steps: Steps) -> Release:
    """With all that listens, for the fewest: metrics for one namespace, posts for the agent and the API server."""
    connecting.make_senders(release)
    port = node.ports.apiserver
    with steps.step("helm install --wait, with narrow NetworkPolicies", release):
        release.install(
            *(*connecting.WEBHOOK, *connecting.AGENT),
            *("--set", f"networkPolicy.apiServerPorts={{443,{port}}}"),
            *("--set", f"networkPolicy.metricsFrom[0].{OWN}"),
            *("--set", f"networkPolicy.webhookFrom[0].ipBlock.cidr={ADDRESS}/32"),
        )
        connecting.tell_apiserver(release)
        release.until(lambda: connecting.AGENT_POSTS in release.metrics(), what="the agent to post")
        release.until_live("audit-webhook")
    return release


@pytest.fixture(scope="module")
def places(installed: Release, node: Node) -> dict[str, Place]:
    """A pod in each of two namespaces, by namespace; they serve something, and ask."""
    assert installed.pods()
    return {name: _place(node, name) for name in (NEIGHBOUR, MONITORING)}


@pytest.fixture(scope="module")
def open_before(installed: Release, places: dict[str, Place]) -> set[str]:
    """What passes while nobody enforces."""
    return passing(installed, places)


@pytest.fixture(scope="module")
def enforced(installed: Release, places: dict[str, Place], open_before: set[str], steps: Steps) -> Release:
    """The same, once a neighbour is refused for the first time."""
    with steps.step("NetworkPolicies enforced", installed):
        assert open_before
        enforcement.start(installed.node)
        eventually(lambda: not reaches(installed, places[NEIGHBOUR], WEBHOOK))
    return installed


def test_without_enforcement_everybody_reaches_everything(open_before: set[str]) -> None:
    assert open_before == {
        "neighbour -> metrics",
        "neighbour -> webhook",
        "monitoring -> metrics",
        "monitoring -> webhook",
        "operator -> neighbour",
    }


def test_with_it_only_what_was_named_is_reached(enforced: Release, places: dict[str, Place]) -> None:
    eventually(lambda: passing(enforced, places) <= {"monitoring -> metrics"})

    assert passing(enforced, places) == {"monitoring -> metrics"}


def test_both_ways_of_the_audit_log_and_the_kubelets_probes_pass(enforced: Release) -> None:
    attacks.pause(enforced, "e2e-enforced")

    attacks.found_once(enforced, "e2e-enforced")

    enforced.until_live("audit-webhook")
    assert connecting.AGENT_POSTS in enforced.metrics()
    (pod,) = enforced.pods()
    assert pod["status"]["containerStatuses"][0]["restartCount"] == 0


def test_an_operator_that_starts_anew_reaches_all_it_needs(enforced: Release) -> None:
    enforced.kill()

    attacks.pause(enforced, "e2e-anew")
    attacks.found_once(enforced, "e2e-anew")
    enforced.until_live("audit-webhook")


def test_helm_test_passes_though_metrics_are_for_another_namespace(enforced: Release) -> None:
    assert "Succeeded" in enforced.test()


def passing(release: Release, places: dict[str, Place]) -> set[str]:
    """Who reaches whom."""
    asked = {
        f"{name} -> {what}": reaches(release, place, port)
        for name, place in places.items()
        for what, port in (("metrics", PROBES), ("webhook", WEBHOOK))
    }
    asked["operator -> neighbour"] = goes_out(release, places[NEIGHBOUR])
    return {what for what, answered in asked.items() if answered}


def reaches(release: Release, place: Place, port: int) -> bool:
    """Whether a pod is let through to a port of the operator's."""
    (operator,) = release.pods()
    argv = ("python3", "-c", OPEN, operator["status"]["podIP"], str(port))
    return _succeeds(release.node, "exec", place.pod, "-n", place.namespace, "--", *argv)


def goes_out(release: Release, place: Place) -> bool:
    """Whether the operator's container, in an intruder's hands, reaches a pod that is none of its business."""
    argv = ("python3", "-c", OPEN, place.address(release.node), str(FOREIGN))
    return _succeeds(release.node, "exec", "-n", NAMESPACE, f"deployment/{NAME}", "--", *argv)


def _succeeds(node: Node, *arguments: str) -> bool:
    try:
        node.kubectl(*arguments)
    except KubectlError:
        return False
    return True


def _place(node: Node, namespace: str) -> Place:
    node.kubectl("create", "namespace", namespace)
    serving = ["python3", "-m", "http.server", "--directory=/tmp", str(FOREIGN)]
    made = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": namespace, "namespace": namespace},
        "spec": {
            "containers": [{"name": "python", "image": REFERENCE, "command": serving}],
            "automountServiceAccountToken": False,
        },
    }
    node.apply([made])
    node.kubectl("wait", f"pod/{namespace}", "-n", namespace, "--for=condition=Ready", "--timeout=60s")
    return Place(namespace, namespace)
