"""The chart on a node as fixtures: one installation for a module, in the stages in which a person comes by them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.node.node import Node
from tests.e2e import connecting
from tests.e2e.release import Release
from tests.e2e.steps import Steps
from tests.k10.pods import K10InPods


@pytest.fixture(scope="session")
def steps() -> Steps:
    """Says what takes how long."""
    return Steps()


@pytest.fixture(scope="module")
def release(node: Node, k10_in_pods: K10InPods, image_archive: Path) -> Iterator[Release]:
    """Nothing installed yet; whatever is, is gone again after the module's last test."""
    assert k10_in_pods.node is node
    prepared = Release(node, image=image_archive)
    prepared.prepare()
    try:
        yield prepared
    finally:
        prepared.remove()


@pytest.fixture(scope="module")
def installed(release: Release, steps: Steps) -> Release:
    """By Helm, with default values."""
    with steps.step("helm install --wait", release):
        release.install()
    return release


@pytest.fixture(scope="module")
def webhooked(installed: Release, steps: Steps) -> Iterator[Release]:
    """And its API server posts its audit events."""
    with steps.step("webhook on: helm upgrade, kube-apiserver told, source Live", installed):
        connecting.make_senders(installed)
        installed.upgrade(*connecting.WEBHOOK)
        connecting.tell_apiserver(installed)
        installed.until_live("audit-webhook")
    yield installed
    connecting.forget_apiserver(installed)


@pytest.fixture(scope="module")
def connected(webhooked: Release, steps: Steps) -> Release:
    """And the agent reads the log on the node."""
    with steps.step("agent on: helm upgrade, source Live", webhooked):
        webhooked.upgrade(*connecting.AGENT)
        webhooked.node.kubectl("rollout", "status", "daemonset", "-n", "k10-auditwatch-agent", "--timeout=180s")
        webhooked.until(lambda: connecting.AGENT_POSTS in webhooked.metrics(), what="the agent to post")
        webhooked.until_live("audit-webhook")
    return webhooked
