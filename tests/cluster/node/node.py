"""A real Kubernetes node that a test starts in about ten seconds and owns alone.

It is a control plane as ``tests/cluster/controlplane.py`` makes it, moved into the node's network and joined by a
scheduler, containerd, a kubelet, kube-proxy and CoreDNS. Tests talk to it as to any control plane; beside that they
load images, install charts, and look around in the node.
"""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Self

from tests.cluster import kubectl
from tests.cluster.audit import Audit
from tests.cluster.controlplane import ControlPlane
from tests.cluster.errors import ClusterError, KubectlError
from tests.cluster.identities import Identity
from tests.cluster.node import components, configuration, namespaces, owning, requirements
from tests.cluster.node.entered import Entered
from tests.cluster.node.images import Image, pause
from tests.cluster.node.namespaces import ADDRESS, NAME
from tests.cluster.processes import Process
from tests.cluster.waiting import eventually

SCHEDULER: Final = Identity("scheduler", "system:kube-scheduler")
KUBELET: Final = Identity("kubelet", f"system:node:{NAME}", ("system:nodes",))
PROXY: Final = Identity("kube-proxy", "system:kube-proxy")
COREDNS: Final = Identity("coredns", "coredns", ("system:masters",))
INSIDE: Final = frozenset({"containerd", "kubelet"})
"""They need all of the node's namespaces; the others its network only."""
GIVING_UP: Final = frozenset({"kube-controller-manager", "kube-scheduler"})
"""They end where they are refused while they start."""
FORWARD: Final = Path(__file__).with_name("forward.py")
CONTROL_PLANE_LABEL: Final = "node-role.kubernetes.io/control-plane="
READY: Final = '{.status.conditions[?(@.type=="Ready")].status}'
COMMAND_SECONDS: Final = 300


class Node(ControlPlane):
    """``with Node() as node:``. Root only; :func:`tests.cluster.node.requirements.check` says what else."""

    def __init__(
        self, *, audit: Audit | None = None, apiserver_flags: Sequence[str] = (), binary: Path | None = None
    ) -> None:
        flags = (*components.apiserver(), *apiserver_flags)
        super().__init__(audit=audit or Audit(), apiserver_flags=flags, binary=binary)
        self._init: int | None = None
        self._cgroup = ""

    # Life

    def start(self) -> Self:
        """Return when the node is Ready and pods can be made."""
        requirements.check()
        super().start()
        return self

    def stop(self) -> None:
        """End everything in the node and leave the machine as it was; harmless when repeated."""
        super().stop()
        self._init = None

    def restart(self, name: str) -> None:
        """End one component like a crash (by its own name, ``kubelet`` and the like) and start it again."""
        if name == "kube-apiserver":
            self.kill_apiserver()
            self.start_apiserver()
            return
        if name not in self._commands:
            raise ClusterError(f"{name}: no component of the node; it has {', '.join(sorted(self._commands))}")
        self._running.pop(name).kill()
        self._launch(name, self._commands[name])

    def reconfigure_apiserver(self, *flags: str) -> None:
        """Restart kube-apiserver with these flags over those it had.

        It is killed: in order it ends only a minute later, for the node's components hold their watches open.
        """
        self._apiserver_flags = (*self._apiserver_flags, *flags)
        self.restart("kube-apiserver")

    # Using it

    def load_image(self, archive: Path) -> None:
        """Make an image known to containerd from a docker-archive; it is never pulled."""
        with archive.open("rb") as stream:
            self.inside("ctr", "--namespace=k8s.io", "images", "import", "-", stdin=stream)

    def helm(self, *arguments: str, identity: Identity | None = None) -> str:
        """Run the bundled helm outside the node, and return what it prints; KubectlError when it fails."""
        config = self.kubeconfig(identity) if identity else self.kubeconfig()
        return kubectl.run_program("helm", arguments, binary=self.binary, kubeconfig=config, home=self.directory)

    def inside(self, *argv: str, stdin: Any = subprocess.DEVNULL) -> str:
        """Run a program in all of the node's namespaces; what it prints. ClusterError when it fails."""
        done = subprocess.run(
            namespaces.inside(self.init, argv), stdin=stdin, capture_output=True, timeout=COMMAND_SECONDS, check=False
        )
        if done.returncode != 0:
            raise ClusterError(f"{' '.join(argv)}: exit code {done.returncode}\n{done.stderr.decode(errors='replace')}")
        return done.stdout.decode(errors="replace")

    @property
    def init(self) -> int:
        """The pid, on the machine, of the node's first process. ClusterError before there is one."""
        if self._init is None:
            raise ClusterError("the node was not started")
        return self._init

    def pid(self, name: str) -> int:
        """The pid, on the machine, of a component."""
        process = self._running[name]
        return process.inner if isinstance(process, Entered) else process.pid

    # The parts

    def _start_components(self) -> None:
        self._commands: dict[str, list[str]] = {}
        super()._start_components()
        self._start_node()

    def _launch(self, name: str, argv: Sequence[str]) -> Process:
        """The first of a node's components finds no namespaces yet, and makes them."""
        if self._init is None:
            self._make_namespaces()
        self._commands[name] = list(argv)
        command = list(argv) if name == "containerd" else [str(self.binary), *argv]
        if name in INSIDE:
            process: Process = Entered.of(self.processes.start(name, namespaces.inside(self.init, command)))
        else:
            process = self.processes.start(name, namespaces.beside(self.init, command))
        self._running[name] = process
        if name == "containerd":
            eventually(
                lambda: self._answers(configuration.SOCKET) or process.exit_code() is not None,
                "an answer of containerd",
            )
        return process

    def _make_namespaces(self) -> None:
        self._cgroup = owning.make_cgroup(self.processes)
        for folder in ("audit", *(f"var/{part}" for part in namespaces.OWN)):
            (self.directory / folder).mkdir(parents=True, exist_ok=True)
        for disk in components.disks(self.directory / "var"):
            disk.mkdir(parents=True)
            disk.chmod(0o777)
        process = Entered.of(self.processes.start("namespaces", namespaces.start_command(self.directory)))
        eventually(lambda: (self.directory / namespaces.READY).exists() or _failed(process), "making namespaces")
        self._init = process.inner
        arguments = [sys.executable, "-I", "-S", str(FORWARD), str(self.ports.apiserver), str(self._init)]
        self._running["forward"] = self.processes.start("forward", arguments)

    def _start_controller_manager(self) -> None:
        """It listens inside the node; that it works is seen by what it makes."""
        self._launch_controller_manager(*components.controller_manager())

    def _start_node(self) -> None:
        self.credentials.server_certificate("node", hosts=(ADDRESS, NAME))
        own = self.directory / "node"
        self._configure(own)
        self._launch("containerd", components.containerd(own))
        self._load_pause()  # before there is a kubelet: one that looks at a mount of the import's gives up
        self._launch("kube-scheduler", components.scheduler(self.credentials.client(SCHEDULER)))
        self._launch("kubelet", components.kubelet(own, self.credentials.client(KUBELET)))
        self._launch("kube-proxy", components.kube_proxy(own))
        self._launch("coredns", components.coredns(own))
        self.apply(components.furniture())
        eventually(self._is_ready, "readiness of the node")
        self.kubectl("label", "node", NAME, CONTROL_PLANE_LABEL)

    def _raise_if_ended(self, waited_for: Process) -> None:
        """One that gives up while kube-apiserver is away is started again, as a kubelet does with its static pods."""
        for name in sorted(GIVING_UP & self._running.keys()):
            if waited_for is self._running["kube-apiserver"] and self._running[name].exit_code() is not None:
                self._launch(name, self._commands[name])
        super()._raise_if_ended(waited_for)

    def _configure(self, own: Path) -> None:
        (self.directory / "node").mkdir()
        (own / "cni").mkdir()
        (own / "cni" / "10-bridge.conflist").write_text(configuration.cni())
        (own / "containerd.toml").write_text(configuration.containerd(own))
        pki = self.credentials.directory
        (own / "kubelet.yaml").write_text(configuration.kubelet(pki=pki, cgroup=self._cgroup))
        proxy = self.credentials.client(PROXY)
        (own / "kube-proxy.yaml").write_text(configuration.kube_proxy(kubeconfig=proxy, node=NAME))
        dns = self.credentials.client(COREDNS)
        (own / "Corefile").write_text(configuration.corefile(dns, f"{COREDNS.key}@test"))

    def _load_pause(self) -> None:
        image: Image = pause()
        archive = self.directory / "pause.tar"
        image.write(archive)
        self.load_image(archive)

    def _is_ready(self) -> bool:
        """Ready, and the account that pods run as exists. ClusterError with its log where a component has ended."""
        self._raise_if_ended(self._running["kubelet"])
        try:
            node = self.kubectl("get", "node", NAME, "-o", f"jsonpath={READY}")
            self.kubectl("get", "serviceaccount", "default", "-n", "default")
        except KubectlError:
            return False
        return node == "True"

    def _answers(self, path: str) -> bool:
        """Whether a server listens on a socket inside: a kubelet that finds none for containerd gives up at once."""
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(f"/proc/{self.init}/root{path}") == 0


def _failed(process: Process) -> bool:
    if process.exit_code() is not None:
        raise ClusterError(f"the node's namespaces cannot be made; what was said:\n{process.tail()}")
    return False
