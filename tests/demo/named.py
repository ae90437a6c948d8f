"""A cluster that runs already, reached by a kubeconfig alone, with everything that is put there removed at the end.

The kubeconfig is a copy with one context in it: whoever switches contexts meanwhile switches nothing here. Requests go
through a `kubectl proxy` on a socket that only its owner can open.
"""

from __future__ import annotations

import base64
import http.client
import json
import socket
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

from tests.cluster import applying, build, certificates, kubectl
from tests.cluster.api import REQUEST_SECONDS, Answer
from tests.cluster.controlplane import ControlPlane
from tests.cluster.credentials import Credentials
from tests.cluster.errors import ClusterError
from tests.cluster.identities import ADMIN, Identity, certificate_user
from tests.cluster.waiting import eventually

MINIFIED: Final = ("config", "view", "--raw", "--minify", "--flatten", "-o", "json")
SIGNER: Final = "kubernetes.io/kube-apiserver-client"
DAY: Final = 86_400


class NamedCluster(ControlPlane):
    """``kubeconfig``: one context, an administrator of it. ``load``: what takes an archive, ``{}``, to its nodes."""

    def __init__(self, directory: Path, *, kubeconfig: Path, load: Sequence[str]) -> None:
        super().__init__()
        self.directory = directory
        self._admin = kubeconfig
        self._load = tuple(load)
        self._applied: list[Mapping[str, Any]] = []
        self._proxy: subprocess.Popen[bytes] | None = None
        self._people: dict[Identity, Path] = {}

    # Life

    def start(self) -> Self:
        """Connect; nothing is changed yet."""
        self.binary = build.kubernetes_binary()
        self.credentials = Borrowed(self.directory, json.loads(self.kubectl(*MINIFIED)))
        argv = [str(self.binary), "kubectl", f"--kubeconfig={self._admin}", "proxy", f"--unix-socket={self._socket}"]
        self._proxy = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        eventually(self._socket.exists, "the start of kubectl proxy", seconds=REQUEST_SECONDS)
        return self

    def forget(self) -> None:
        """Nothing needs to be removed: the cluster is gone."""
        self._applied.clear()

    def stop(self) -> None:
        """Remove what was applied, the last first, and disconnect; harmless when repeated."""
        if self._applied:
            gone = {"apiVersion": "v1", "kind": "List", "items": list(reversed(self._applied))}
            self.kubectl("delete", "--ignore-not-found", "--wait=false", "-f", "-", stdin=json.dumps(gone))
            self._applied.clear()
        if self._proxy is not None:
            self._proxy.kill()
            self._proxy.wait()
            self._proxy = None

    # Using it

    def kubeconfig(self, identity: Identity = ADMIN) -> Path:
        """Somebody else than the administrator has a certificate signed by the cluster."""
        if identity == ADMIN:
            return self._admin
        if identity not in self._people:
            self._people[identity] = self._enrolled(identity)
        return self._people[identity]

    def apply(
        self, manifest: str | Iterable[Mapping[str, Any]], *, manager: str = "kubectl", identity: Identity = ADMIN
    ) -> list[dict[str, Any]]:
        """Server-side apply by kubectl; what was applied is removed at the end."""
        objects = list(applying.flattened(applying.documents(manifest) if isinstance(manifest, str) else manifest))
        self._applied += objects
        options = ("--server-side", "--force-conflicts", f"--field-manager={manager}", "-o", "json", "-f", "-")
        listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
        stored = json.loads(self.kubectl("apply", *options, identity=identity, stdin=listed))
        return list(stored["items"]) if stored["kind"] == "List" else [stored]

    def request(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        identity: Identity | None = ADMIN,
    ) -> Answer:
        """As the administrator only."""
        assert identity == ADMIN, "others go by kubectl"
        connection = _OverSocket(self._socket)
        content = None if body is None else json.dumps(body)
        try:
            connection.request(method, path, content, {"Content-Type": "application/json", **(headers or {})})
            response = connection.getresponse()
            return Answer(status=response.status, body=response.read())
        finally:
            connection.close()

    def load_image(self, archive: Path) -> None:
        """Take it to every node. ClusterError with the command's complaint."""
        argv = [part.replace("{}", str(archive)) for part in self._load]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ClusterError(f"{' '.join(argv)}: exit code {done.returncode}\n{done.stderr.strip()}")

    def helm(self, *arguments: str) -> str:
        """What helm prints."""
        return kubectl.run_program("helm", arguments, binary=self.binary, kubeconfig=self._admin, home=self.directory)

    @property
    def _socket(self) -> Path:
        return self.directory / "proxy"

    def _enrolled(self, identity: Identity) -> Path:
        name = f"{identity.key}-{time.time_ns()}"
        key = certificates.new_key()
        request = base64.b64encode(certificates.signing_request(identity.user, identity.groups, key)).decode()
        spec = {"request": request, "signerName": SIGNER, "expirationSeconds": DAY, "usages": ["client auth"]}
        kind = {"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest"}
        self.apply([{**kind, "metadata": {"name": name}, "spec": spec}])
        self.kubectl("certificate", "approve", name)
        path = ("get", "csr", name, "-o", "jsonpath={.status.certificate}")
        eventually(lambda: self.kubectl(*path), f"the signing of {name}", seconds=REQUEST_SECONDS)
        user = certificate_user(base64.b64decode(self.kubectl(*path)), certificates.private_pem(key))
        return self.credentials.kubeconfig_with(name=identity.key, user=user, namespace="default")


class Borrowed(Credentials):
    """Kubeconfigs for others, made from the administrator's: the same cluster."""

    def __init__(self, directory: Path, minified: Mapping[str, Any]) -> None:
        self.directory = directory
        self._cluster = minified["clusters"][0]["cluster"]

    def kubeconfig_with(self, *, name: str, user: dict[str, str], namespace: str) -> Path:
        """With ``user``'s credentials."""
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "named", "cluster": self._cluster}],
            "users": [{"name": name, "user": user}],
            "contexts": [{"name": name, "context": {"cluster": "named", "user": name, "namespace": namespace}}],
            "current-context": name,
        }
        path = self.directory / f"{name}.kubeconfig"
        certificates.write_secret(path, json.dumps(content).encode())
        return path


class _OverSocket(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=REQUEST_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))
