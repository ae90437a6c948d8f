"""The stand-in on a real node: K10's Deployments as pods, the API server among them in a container with a real log.

All of its images are one image under K10's names: the stand-in's binary, a shell, and what a shell needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, Final

from tests.cluster.build import k10apis_binary
from tests.cluster.node import images
from tests.cluster.node.node import Node
from tests.k10 import manifests, workloads
from tests.k10.crds import DOMAIN
from tests.k10.standin import APPLICATIONS, READY_SECONDS, TOKEN_SECONDS, K10StandIn
from tests.k10.workloads import ACCOUNT, API_DEPLOYMENT, NAMESPACE, Manifest

PORT: Final = 10250
BINARY: Final = "k10apis"
STATE: Final = "/data"
APPLICATION: Final = "docker.io/library/web:1.0"
CATALOG: Final = "echo catalog > /mnt/k10state/catalog 2>/dev/null; "
API_ENVIRONMENT: Final = [{"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]


class K10InPods(K10StandIn):
    """``with K10InPods(node) as k10:``. As :class:`K10StandIn`, but its pods are the kubelet's."""

    def __init__(
        self,
        node: Node,
        *,
        stream: bool = True,
        applications: Sequence[str] = APPLICATIONS,
        points: int = 10,
        flags: Sequence[str] = (),
    ) -> None:
        super().__init__(node, stream=stream, applications=applications, points=points, flags=flags)
        self.node = node
        self._is_installed = False

    def stop(self) -> None:
        """Nothing runs outside the node."""

    def restart(self) -> None:
        """Delete the API pod; its successor keeps no objects of the aggregated half."""
        self.node.kubectl("delete", "pod", "-n", NAMESPACE, "-l", f"run={API_DEPLOYMENT}")
        self._run()
        self.wait_ready()

    def start(self) -> K10InPods:
        """Install K10 (the first time) and return when every API of it answers."""
        if not self._is_installed:
            self._install()
            self._is_installed = True
        self._run()
        self.wait_ready()
        return self

    def _install(self) -> None:
        self._load_images()
        placed = partial(in_pods, serving=self.serving())
        manifests.install(
            self.cluster, domain=self.api_domain, api_port=PORT, applications=self.applications, placed=placed
        )
        manifests.configure(self.cluster, domain=self.api_domain, applications=self.applications)
        self.account = self.cluster.service_account_kubeconfig(NAMESPACE, ACCOUNT, seconds=TOKEN_SECONDS)

    def _run(self) -> None:
        wait = ("wait", "deployment", "--all", "--for=condition=Available", f"--timeout={READY_SECONDS:.0f}s")
        self.cluster.kubectl(*wait, f"--namespace={NAMESPACE}")

    def _load_images(self) -> None:
        image = images.busybox(references=references(), files={BINARY: k10apis_binary()})
        archive = self.node.directory / "k10.tar"
        image.write(archive)
        self.node.load_image(archive)


def references() -> list[str]:
    """The full name of every image that K10's Deployments and the applications name."""
    installed = workloads.installation(domain=DOMAIN, api_port=PORT)
    return sorted({APPLICATION, *(f"docker.io/{each['image']}" for one in installed for each in _containers(one))})


def in_pods(installation: Iterable[Manifest], *, serving: Sequence[str]) -> list[Manifest]:
    """What K10's chart installs, for pods that run: its API behind a Service, something to do in every container."""
    return [_placed(manifest, serving=serving) for manifest in installation]


def _placed(manifest: Manifest, *, serving: Sequence[str]) -> Manifest:
    if manifest["kind"] == "Service" and manifest["metadata"]["name"] == API_DEPLOYMENT:
        ports = [{"name": "https", "port": PORT, "targetPort": PORT}]
        return {**manifest, "spec": {"selector": {"run": API_DEPLOYMENT}, "ports": ports}}
    for container in _containers(manifest):
        _employ(container, serving=serving)
    if manifest["kind"] == "Deployment" and manifest["metadata"]["name"] == API_DEPLOYMENT:
        manifest["spec"]["template"]["spec"]["volumes"] = [{"name": "data", "emptyDir": {}}]
    return manifest


def _containers(manifest: Manifest) -> list[dict[str, Any]]:
    if manifest["kind"] != "Deployment":
        return []
    containers: list[dict[str, Any]] = manifest["spec"]["template"]["spec"]["containers"]
    return containers


def _employ(container: dict[str, Any], *, serving: Sequence[str]) -> None:
    if container["name"] == API_DEPLOYMENT:
        own = [f"--port={PORT}", "--address=0.0.0.0", "--pod=$(POD_NAME)", f"--data-dir={STATE}"]
        container["command"] = [f"/{BINARY}", "serve", *own, *serving]
        container["args"] = []  # K10's own are no flags of the stand-in's
        container["env"] = API_ENVIRONMENT
        container["volumeMounts"] = [{"name": "data", "mountPath": STATE}]
        container["readinessProbe"] = {"tcpSocket": {"port": PORT}, "periodSeconds": 1}
    else:
        container["command"] = ["/bin/sh", "-c", CATALOG + images.WAIT]
