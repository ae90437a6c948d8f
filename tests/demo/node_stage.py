"""A whole node: K10 and k10-auditwatch run as pods, installed by Helm, and the audit log comes by agent and webhook."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from tests.cluster.audit import Audit
from tests.cluster.controlplane import ControlPlane
from tests.cluster.errors import KubectlError
from tests.cluster.node.node import Node
from tests.cluster.waiting import eventually
from tests.demo import chart, connection, screen
from tests.demo.choosing import Place
from tests.images.project import project_image
from tests.k10.pods import K10InPods
from tests.live import telling
from tests.live.installation import NAMESPACE

PODS: Final = ("get", "pods", "-A", "-l", f"app.kubernetes.io/instance={chart.RELEASE}")
LOOPBACK: Final = frozenset({"127.0.0.1"})


class NodeStage:
    """``directory``: where its files are; ``way``: how the audit log is connected; ``node``: one that runs already."""

    place: Place = "node"
    installed_as = "from this checkout: its image and its chart"
    addresses = LOOPBACK

    def __init__(self, directory: Path, way: str, *, node: Node | None = None) -> None:
        self._directory = directory
        self._by = connection.WAYS[way]
        self._is_ours = node is None
        self._node = node or Node(audit=Audit())
        self._aside = ThreadPoolExecutor(max_workers=1)
        self.installed_at = 0.0

    @property
    def cluster(self) -> ControlPlane:
        return self._node

    def raise_cluster(self) -> None:
        """The image is built and loaded meanwhile."""
        building = self._aside.submit(project_image)
        if self._is_ours:
            with screen.timed("node: kube-apiserver, etcd, kubelet, containerd, kube-proxy, CoreDNS"):
                self._node.start()
        loading = self._aside.submit(lambda: self._node.load_image(building.result()))
        with screen.timed("K10 stand-in: its CRDs, its pods, policies, profiles, restore points"):
            K10InPods(self._node).start()
        with screen.timed("image of k10-auditwatch, built (unless it was before) and loaded meanwhile"):
            loading.result()

    def install(self) -> None:
        self._node.apply(chart.PREPARED)
        values = chart.write_values(self._by, self._directory)
        screen.command(f"cat {values.name}")
        screen.output(chart.shown(self._by))
        screen.command(f"helm {' '.join(chart.arguments(file=values.name))}")
        self.installed_at = chart.now()
        with screen.timed("installed, every pod ready"):
            printed = self._node.helm(*chart.arguments(file=str(values), chart=str(chart.REPOSITORY / chart.CHART)))
        screen.output(chart.told(printed))
        if "webhook" in self._by:
            self._connect()
        screen.kubectl(*PODS)
        screen.output(self._node.kubectl(*PODS))

    def close(self) -> None:
        self._aside.shutdown(cancel_futures=True)
        if self._is_ours:
            self._node.stop()

    def tail(self) -> str:
        try:
            return self._node.kubectl("logs", "-n", NAMESPACE, "deployment/k10-auditwatch", "--tail=40")
        except KubectlError as problem:
            return str(problem)

    def _connect(self) -> None:
        """As NOTES and ``auditwatch webhook-config`` say: the CA, a kubeconfig, flags, and kube-apiserver again."""
        screen.command(" ".join(chart.CONNECT))
        screen.note("While it restarts nobody is seen, which is a finding too: visibility-gap.")
        with screen.timed("kube-apiserver restarted with these flags"):
            eventually(lambda: telling.published(self._node, NAMESPACE), "publication of the webhook's CA")
            authority = telling.published(self._node, NAMESPACE)
            flags = telling.flags(chart.CONNECT, authority=authority, token=chart.TOKEN, directory=self._directory)
            self._node.reconfigure_apiserver(*flags)
