"""NetworkPolicies enforced on a node, by kube-router's controller; without it they are objects nobody acts on."""

from __future__ import annotations

from typing import Final

from tests.cluster.build import ensure
from tests.cluster.identities import Identity
from tests.cluster.node import namespaces
from tests.cluster.node.components import SERVICES
from tests.cluster.node.node import Node
from tests.cluster.programs import KUBE_ROUTER
from tests.images.packages import require

ACCOUNT: Final = Identity("kube-router", "kube-router", ("system:masters",))
COMMANDS: Final = {"ipset": "ipset", "iptables": "iptables"}
FLAGS: Final = (
    "--run-firewall=true",
    "--run-router=false",
    "--run-service-proxy=false",
    f"--hostname-override={namespaces.NAME}",
    f"--service-cluster-ip-range={SERVICES}",
    "--health-port=0",
)


def check() -> None:
    """Return where it can be started, once it is built. Raises :class:`tests.images.packages.MissingPackagesError`."""
    require(COMMANDS)
    ensure(KUBE_ROUTER)


def start(node: Node) -> None:
    """It acts within seconds; nobody says when. What it does to packets ends with the node alone."""
    argv = [str(ensure(KUBE_ROUTER)), f"--kubeconfig={node.credentials.client(ACCOUNT)}", *FLAGS]
    node.start_process("kube-router", namespaces.beside(node.init, argv))
