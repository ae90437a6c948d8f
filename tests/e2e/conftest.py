"""The chart on a node as fixtures: one installation for a module, in the stages in which a person comes by them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.node.node import Node
from tests.e2e import connecting
from tests.e2e.release import WAIT, Release, prepared
from tests.e2e.steps import Steps
from tests.k10.pods import K10InPods


@pytest.fixture(scope="session")
def steps() -> Steps:
    """Says what takes how long."""
    return Steps()


@pytest.fixture(scope="module")
def release(node: Node, k10_in_pods: K10InPods, image_archive: Path) -> Iterator[Release]:
    """Nothing installed yet; whatever is, is gone again after the module's last test."""
    with prepared(node, k10_in_pods, image_archive) as made:
        yield made
    connecting.forget_apiserver(made)


@pytest.fixture(scope="module")
def installed(release: Release, steps: Steps) -> Release:
    """By Helm, with default values."""
    with steps.step("helm install --wait", release):
        release.install()
    return release


@pytest.fixture(scope="module")
def webhooked(installed: Release, steps: Steps) -> Release:
    """And its API server posts its audit events. Helm waits for all to be ready, which it is before anybody posts."""
    with steps.step("webhook on: helm upgrade --wait, kube-apiserver told, source Live", installed):
        connect(installed, *connecting.WEBHOOK, *WAIT)
    return installed


@pytest.fixture(scope="module")
def connected(installed: Release, steps: Steps, request: pytest.FixtureRequest) -> Release:
    """And the agent reads the log on the node; the webhook is turned on before it, or to save time with it."""
    if request.config.getoption("--long"):
        request.getfixturevalue("webhooked")
    with steps.step("agent on: helm upgrade, source Live", installed):
        if request.config.getoption("--long"):
            installed.upgrade(*connecting.AGENT)
        else:
            connect(installed, *connecting.WEBHOOK, *connecting.AGENT)
        installed.until(lambda: connecting.AGENT_POSTS in installed.metrics(), what="the agent to post")
        installed.until_live("audit-webhook")
    return installed


def connect(release: Release, *values: str) -> None:
    """Return when its API server's audit log arrives."""
    connecting.make_senders(release)
    release.upgrade(*values)
    connecting.tell_apiserver(release)
    release.until_live("audit-webhook")
