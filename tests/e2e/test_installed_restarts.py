"""Whatever is started again on the node: what is done meanwhile, and after it, is found once. `make e2e`."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.e2e import attacks
from tests.e2e.release import NAMESPACE, Release
from tests.e2e.steps import Steps

pytestmark = pytest.mark.e2e
COMPONENTS = ("etcd", "kube-controller-manager", "containerd", "kube-scheduler", "kubelet", "kube-proxy", "coredns")
"""All but kube-apiserver, which comes second: it needs etcd, and all others need it."""


def kill_operator(release: Release) -> None:
    release.kill()


def delete_pod(release: Release) -> None:
    release.node.kubectl("delete", "pod", "-n", NAMESPACE, "--selector=app.kubernetes.io/name=k10-auditwatch")


def restart_apiserver(release: Release) -> None:
    release.node.restart("kube-apiserver")


def restart_kubelet(release: Release) -> None:
    release.node.restart("kubelet")


def restart_containerd(release: Release) -> None:
    release.node.restart("containerd")


def restart_all(release: Release) -> None:
    """As when a node's services start again after an update; containers go on."""
    release.node.restart(COMPONENTS[0])
    release.node.restart("kube-apiserver")
    for name in COMPONENTS[1:]:
        release.node.restart(name)


def kill_all(release: Release) -> None:
    """Operator and API server in one moment."""
    release.process("run").kill()
    release.node.restart("kube-apiserver")


RESTARTS: tuple[Callable[[Release], None], ...] = (
    kill_operator,
    delete_pod,
    restart_apiserver,
    restart_kubelet,
    restart_containerd,
    restart_all,
    kill_all,
)


@pytest.mark.parametrize("restart", RESTARTS, ids=lambda each: each.__name__)
def test_what_happens_around_a_restart_is_found_once(
    connected: Release, restart: Callable[[Release], None], steps: Steps
) -> None:
    name = restart.__name__.replace("_", "-")
    attacks.prepare(connected, f"e2e-after-{name}")
    attacks.pause(connected, f"e2e-before-{name}")

    with steps.step(f"{restart.__name__}, an attack before and after it found", connected):
        restart(connected)
        attacks.pause(connected, f"e2e-after-{name}")
        attacks.found_once(connected, f"e2e-after-{name}")
        attacks.found_once(connected, f"e2e-before-{name}")


def test_nothing_was_counted_twice_after_all_of_them(connected: Release) -> None:
    connected.until_live("audit-webhook", "state", "k10-stream")

    counted = {each["spec"]["target"]["name"]: each["status"]["count"] for each in connected.findings("policy-paused")}

    assert len(counted) == 2 * len(RESTARTS)
    assert set(counted.values()) == {1}
