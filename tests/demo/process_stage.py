"""The control plane: no pods run, K10 is a stand-in beside it, the operator a process with the rights of manifests/."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from tests.cluster.controlplane import ControlPlane
from tests.demo import connection, screen
from tests.demo.choosing import Place
from tests.k10.standin import K10StandIn
from tests.live.audited import AuditedPlane
from tests.live.installation import NAMESPACE, Installation

EXAMPLE: Final = Path(__file__).parents[2] / "examples" / "minimal.yaml"
LOOPBACK: Final = frozenset({"127.0.0.1"})


class ProcessStage:
    """``directory``: where its files are; ``way``: how the audit log is connected."""

    place: Place = "controlplane"
    installed_as = "as a process, with a ServiceAccount's token and the rights of manifests/"
    addresses = LOOPBACK

    def __init__(self, directory: Path, way: str) -> None:
        self._directory = directory
        self._plane = AuditedPlane(directory / "plane", by=connection.WAYS[way])
        self._k10: K10StandIn | None = None
        self._operator: Installation | None = None
        self.installed_at = 0.0

    @property
    def cluster(self) -> ControlPlane:
        return self._plane.cluster

    def raise_cluster(self) -> None:
        with screen.timed("kube-apiserver, etcd and controller-manager"):
            self._plane.__enter__()
        self._k10 = K10StandIn(self.cluster)
        with screen.timed("K10 stand-in: its CRDs, its aggregated API, policies, profiles, restore points"):
            self._k10.start()

    def install(self) -> None:
        sources = {"sources": self._plane.sources}
        self._operator = Installation(self.cluster, directory=self._directory / "operator", settings=sources)
        self.installed_at = time.time()
        with screen.timed("operator ready"):
            self._operator.install()
            self._operator.start()
            self._operator.wait_ready()
        screen.kubectl("apply", "-n", NAMESPACE, "-f", "examples/minimal.yaml")
        screen.output(self.cluster.kubectl("apply", "-n", NAMESPACE, "-f", str(EXAMPLE)))

    def close(self) -> None:
        for each in (self._operator, self._k10):
            if each is not None:
                each.stop()
        self._plane.__exit__(None, None, None)

    def tail(self) -> str:
        return self._operator.tail() if self._operator else ""
