"""The process that plays the node K10 runs on, and the API pod inside it."""

import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.controlplane import ControlPlane
from tests.cluster.identities import Identity
from tests.cluster.processes import Process

NODE = "k10-node"
_KUBELET = Identity("k10-kubelet", f"system:node:{NODE}", ("system:nodes",))
_SCHEDULER = Identity("k10-scheduler", "system:kube-scheduler")


@dataclass(frozen=True, slots=True)
class Machine:
    """Where the node keeps its files, and how it is started."""

    cluster: ControlPlane
    binary: Path
    api_port: int
    node_port: int

    @property
    def directory(self) -> Path:
        return self.cluster.directory / "k10"

    def prepare(self) -> None:
        """Make the keys of the node and of its log service."""
        self.directory.mkdir()
        self.cluster.credentials.server_certificate(NODE, hosts=("127.0.0.1", NODE))

    def start(self, *, account: Path, serving: Sequence[str]) -> Process:
        """Start the node; `account` is K10's kubeconfig, `serving` its API server's flags."""
        pki = self.cluster.credentials.directory
        return self.cluster.start_process(
            NODE,
            [
                *(str(self.binary), "node", f"--name={NODE}", f"--port={self.node_port}", f"--dir={self.directory}"),
                f"--kubeconfig={self.cluster.credentials.client(_KUBELET)}",
                f"--scheduler-kubeconfig={self.cluster.credentials.client(_SCHEDULER)}",
                f"--client-ca-file={self.cluster.authority_file}",
                f"--tls-cert-file={pki}/{NODE}.crt",
                f"--tls-private-key-file={pki}/{NODE}.key",
                f"--ready-address=127.0.0.1:{self.api_port}",
                "--",
                *(str(self.binary), "serve", f"--kubeconfig={account}", f"--port={self.api_port}"),
                f"--data-dir={self.directory}",
                *serving,
            ],
        )

    def hold(self) -> None:
        """Keep the API pod's process from starting again."""
        (self.directory / "hold").touch()

    def release(self) -> None:
        (self.directory / "hold").unlink(missing_ok=True)

    def pid(self) -> int | None:
        """The API server's process, None while there is none."""
        try:
            return int((self.directory / "pid").read_text())
        except (FileNotFoundError, ValueError):
            return None

    def kill(self) -> None:
        """End the API server's process without warning, if there is one."""
        if (pid := self.pid()) is not None:
            os.kill(pid, signal.SIGKILL)
