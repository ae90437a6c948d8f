"""A second K10 on a node, in a namespace and under an API domain of its own: as much of it as an operator reads.

Its API runs in a pod as the first one's does; the rest of its Deployments would tell nothing more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tests.cluster.node.node import Node
from tests.k10 import crds, workloads
from tests.k10.pods import PORT, K10InPods, in_pods
from tests.k10.workloads import ACCOUNT, API_DEPLOYMENT, FAMILIES, Manifest

NAMESPACE: Final = "second-k10"
DOMAIN: Final = "kio.second-k10"
ADMIN: Final = f"{NAMESPACE}-cluster-admin"
KEPT: Final = frozenset({API_DEPLOYMENT, "k10-config", *(f"v1alpha1.{family}.{DOMAIN}" for family in FAMILIES)})
"""Names of what is installed of its chart."""
CUSTOM: Final = tuple(each for each in crds.definitions(DOMAIN) if each["spec"]["group"].endswith(DOMAIN))


class SecondK10(K10InPods):
    """``start()``, and ``remove()`` before whoever counts the K10s of this node comes."""

    def __init__(self, node: Node) -> None:
        super().__init__(node, applications=(), points=0)
        self.api_domain = DOMAIN

    def remove(self) -> None:
        """Leave one K10."""
        services = [f"v1alpha1.{family}.{DOMAIN}" for family in FAMILIES]
        self.node.kubectl("delete", "apiservice", *services, "--ignore-not-found")
        self.node.kubectl("delete", "crd", *(each["metadata"]["name"] for each in CUSTOM), "--ignore-not-found")
        self.node.kubectl("delete", "clusterrolebinding", ADMIN, "--ignore-not-found")
        self.node.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found")

    def _install(self) -> None:
        """The images are the first one's."""
        chart = in_pods(workloads.installation(domain=DOMAIN, api_port=PORT), serving=self.serving())
        own = [_moved(each) for each in chart if each["metadata"]["name"] in KEPT]
        self.node.apply([*_account(), *CUSTOM, *own], manager="helm")
        self.node.established(*(each["metadata"]["name"] for each in CUSTOM))

    def _run(self) -> None:
        self.node.kubectl("rollout", "status", f"deployment/{API_DEPLOYMENT}", "-n", NAMESPACE, "--timeout=180s")


def _account() -> list[Manifest]:
    subject = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": NAMESPACE}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT, "namespace": NAMESPACE}},
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": ADMIN},
            "roleRef": role,
            "subjects": [subject],
        },
    ]


def _moved(value: Any) -> Any:
    """The same in the other namespace."""
    if isinstance(value, Mapping):
        return {key: _moved(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_moved(each) for each in value]
    return NAMESPACE if value == workloads.NAMESPACE else value
