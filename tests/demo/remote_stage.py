"""A kind cluster of the demo's own, or the cluster the user named: the chart, on a cluster reached by a kubeconfig.

Flags of kube-apiserver are left alone here, so the audit log comes by the agent, where there is one.
"""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import cast

from tests.cluster import build
from tests.cluster.controlplane import ControlPlane
from tests.cluster.errors import ClusterError, KubectlError
from tests.cluster.node.node import Node
from tests.cluster.ours import NAMES
from tests.demo import borrowing, chart, connection, kind_cluster, probing, screen
from tests.demo.choosing import Place
from tests.demo.named import MINIFIED, NamedCluster
from tests.images import installer, project
from tests.k10.pods import K10InPods
from tests.live.installation import NAMESPACE


class RemoteStage:
    """``place``: ``kind`` or ``current``; ``way``: how the audit log is connected."""

    installed_as = "from this checkout: its image and its chart"
    addresses: frozenset[str] = frozenset()

    def __init__(self, directory: Path, way: str, *, place: Place) -> None:
        self.place = place
        self._directory = directory
        self._by = connection.WAYS[way]
        self._kubeconfig = directory / "kubeconfig"
        self._cluster: NamedCluster | None = None
        self._is_made = False
        self.installed_at = 0.0

    @property
    def cluster(self) -> ControlPlane:
        return self._named

    def raise_cluster(self) -> None:
        context = self._new_kind() if self.place == "kind" else self._pinned()
        load = borrowing.loading(context, os.environ)
        cluster = NamedCluster(self._directory, kubeconfig=self._kubeconfig, load=load).start()
        try:
            borrowing.refuse_if_in_use(_names(cluster, "namespaces"), _names(cluster, "crds"))
        except ClusterError:
            cluster.stop()  # and it stays unknown to close(), which removes what is ours
            raise
        self._cluster = cluster
        with screen.timed("image of k10-auditwatch"):
            archive = image(self._directory)
        with screen.timed("image loaded"):
            cluster.load_image(archive)
        with screen.timed("K10 stand-in: its CRDs, its pods, policies, profiles, restore points"):
            # All it asks of a node is what any control plane has, and to load an image.
            K10InPods(cast(Node, cluster)).start()

    def install(self) -> None:
        cluster = self._named
        cluster.apply(chart.PREPARED)
        values = chart.write_values(self._by, self._directory)
        screen.command(f"cat {values.name}")
        screen.output(values.read_text())
        screen.command(f"helm {' '.join(chart.arguments(file=values.name))}")
        self.installed_at = chart.now()
        with screen.timed("installed, every pod ready"):
            printed = cluster.helm(*chart.arguments(file=str(values), chart=str(chart.REPOSITORY / chart.CHART)))
        screen.output(chart.told(printed))

    def close(self) -> None:
        if self._is_made:
            kind_cluster.delete(self._kubeconfig)
            self._is_made = False
            if self._cluster is not None:
                self._cluster.forget()
        if self._cluster is not None:
            if self.place == "current" and self.installed_at:
                self._uninstall(self._cluster)
            self._cluster.stop()
            self._cluster = None

    def tail(self) -> str:
        try:
            return self._named.kubectl("logs", "-n", NAMESPACE, "deployment/k10-auditwatch", "--tail=40")
        except KubectlError as problem:
            return str(problem)

    @property
    def _named(self) -> NamedCluster:
        if self._cluster is None:
            raise ClusterError("there is no cluster yet")
        return self._cluster

    def _new_kind(self) -> str:
        kind_cluster.refuse_if_there()
        self._is_made = True  # or half made, where this is interrupted
        with screen.timed("kind cluster"):
            kind_cluster.create(self._directory, self._kubeconfig)
        return kind_cluster.CONTEXT

    def _pinned(self) -> str:
        """The context that was confirmed, in a kubeconfig of its own; another one by now is refused."""
        binary = build.kubernetes_binary()
        context = probing.context(binary.with_name("kubectl"))
        if context != os.environ.get("DEMO_CONTEXT"):
            raise ClusterError(f"the current context is {context} by now: start again")
        self._kubeconfig.touch(mode=0o600)
        self._kubeconfig.write_text(_run([str(binary), "kubectl", *MINIFIED]))
        return context

    def _uninstall(self, cluster: NamedCluster) -> None:
        with suppress(KubectlError):  # nothing installed yet
            cluster.helm("uninstall", chart.RELEASE, "--namespace", NAMESPACE)
        cluster.kubectl("delete", "crd", "--ignore-not-found", *NAMES)


def image(directory: Path) -> Path:
    """A docker-archive: the one that was built before, or by Docker where it answers, or by buildah.

    Docker's older builder, which 20.10 takes unless told otherwise, does not know what the Dockerfile says.
    """
    if project.built() or probing.no_docker():
        return project.project_image()
    options = ["--tag", project.REFERENCE, *installer.build_options(directory)]
    _run(["docker", "build", *options, str(project.ROOT)], DOCKER_BUILDKIT="1")
    archive = directory / "image.tar"
    _run(["docker", "save", "--output", str(archive), project.REFERENCE])
    return archive


def _names(cluster: NamedCluster, resource: str) -> list[str]:
    return cluster.kubectl("get", resource, "-o", "jsonpath={.items[*].metadata.name}").split()


def _run(argv: list[str], **variables: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env={**os.environ, **variables})
    if done.returncode:
        raise ClusterError(f"{' '.join(argv)}: exit code {done.returncode}\n{done.stderr.strip()}")
    return done.stdout
