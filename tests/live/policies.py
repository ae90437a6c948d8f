"""A backup policy of a test's own, so that tests share one K10 without meeting each other's changes."""

from __future__ import annotations

import json

from tests.cluster.controlplane import ControlPlane
from tests.cluster.identities import ADMIN, Identity

RESOURCE = "policies.config.kio.kasten.io"
NAMESPACE = "kasten-io"
MADE = {"made-by": "tests"}
SPEC = {
    "frequency": "@daily",
    "paused": False,
    "retention": {"daily": 7, "weekly": 4},
    "actions": [{"action": "backup"}],
    "selector": {"matchExpressions": [{"key": "k10.kasten.io/appNamespace", "operator": "In", "values": ["shop"]}]},
}


def make(cluster: ControlPlane, name: str) -> str:
    """Create the policy; its name."""
    metadata = {"name": name, "namespace": NAMESPACE, "labels": MADE}
    cluster.apply(
        [{"apiVersion": "config.kio.kasten.io/v1alpha1", "kind": "Policy", "metadata": metadata, "spec": SPEC}]
    )
    return name


def forget(cluster: ControlPlane) -> None:
    """Delete all that were made, for a test that lists what is there."""
    cluster.kubectl("delete", RESOURCE, "-n", NAMESPACE, "-l", "made-by=tests")


def pause(cluster: ControlPlane, name: str, *, identity: Identity = ADMIN) -> None:
    """Pause it as a person would, with kubectl."""
    body = json.dumps({"spec": {"paused": True}})
    cluster.kubectl("patch", RESOURCE, name, "-n", NAMESPACE, "--type=merge", "-p", body, identity=identity)
