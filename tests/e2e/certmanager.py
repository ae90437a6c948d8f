"""cert-manager on a node: its CRDs, its controllers, and an authority of the release's own namespace that issues."""

from __future__ import annotations

import base64
import json
from typing import Any, Final, Self

import yaml

from tests.cluster.build import ensure
from tests.cluster.identities import Identity
from tests.cluster.modules import folder
from tests.cluster.node import namespaces
from tests.cluster.node.node import Node
from tests.cluster.processes import Process
from tests.cluster.programs import CERT_MANAGER
from tests.cluster.waiting import eventually

MODULE: Final = "github.com/cert-manager/cert-manager"
ACCOUNT: Final = Identity("cert-manager", "cert-manager", ("system:masters",))
ISSUER: Final = "e2e-authority"
AUTHORITY: Final = "e2e-authority-tls"
"""The Secret the authority is kept in."""


class CertManager:
    """``with CertManager(node) as certificates:``; afterwards the node serves none of its kinds."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self._process: Process | None = None
        self._definitions: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        binary = ensure(CERT_MANAGER)
        files = sorted((folder(CERT_MANAGER, MODULE) / "deploy" / "crds").glob("*.yaml"))
        self._definitions = [document for file in files for document in yaml.safe_load_all(file.read_text())]
        self.node.apply(self._definitions)
        self.node.established(*(each["metadata"]["name"] for each in self._definitions))
        argv = [str(binary), str(self.node.credentials.client(ACCOUNT))]
        self._process = self.node.start_process("certmanager", namespaces.beside(self.node.init, argv))
        return self

    def __exit__(self, *_: object) -> None:
        if self._process:
            self._process.kill()
        names = [each["metadata"]["name"] for each in self._definitions]
        self.node.kubectl("delete", "crd", *names, "--ignore-not-found")

    def found_authority(self, namespace: str) -> str:
        """Make an authority there, signed by itself, and an Issuer of it; its certificate, PEM."""
        self.node.apply([_issuer("e2e-self", namespace, {"selfSigned": {}}), _authority(namespace)])
        eventually(lambda: self.secret(AUTHORITY, namespace))
        self.node.apply([_issuer(ISSUER, namespace, {"ca": {"secretName": AUTHORITY}})])
        return self.secret(AUTHORITY, namespace)["tls.crt"]

    def secret(self, name: str, namespace: str) -> dict[str, str]:
        """What is in it; empty while it is not there."""
        found = self.node.kubectl("get", "secret", name, "-n", namespace, "--ignore-not-found", "-o", "json")
        data = json.loads(found)["data"] if found else {}
        return {key: base64.b64decode(value).decode() for key, value in data.items()}

    def renew(self, name: str, namespace: str) -> None:
        """As ``cmctl renew`` does it: the condition by which a person asks for a new certificate now."""
        condition = {"type": "Issuing", "status": "True", "reason": "ManuallyTriggered", "message": "e2e"}
        got = json.loads(self.node.kubectl("get", "certificate", name, "-n", namespace, "-o", "json"))
        conditions = [*got["status"]["conditions"], {**condition, "lastTransitionTime": "2026-01-01T00:00:00Z"}]
        patch = json.dumps({"status": {"conditions": conditions}})
        arguments = ("--subresource=status", "--type=merge", "-p", patch)
        self.node.kubectl("patch", "certificate", name, "-n", namespace, *arguments)


def _issuer(name: str, namespace: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "cert-manager.io/v1",
        "kind": "Issuer",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


def _authority(namespace: str) -> dict[str, Any]:
    return {
        "apiVersion": "cert-manager.io/v1",
        "kind": "Certificate",
        "metadata": {"name": "e2e-authority", "namespace": namespace},
        "spec": {
            "isCA": True,
            "commonName": "e2e",
            "secretName": AUTHORITY,
            "privateKey": {"algorithm": "ECDSA", "size": 256},
            "issuerRef": {"name": "e2e-self", "kind": "Issuer"},
        },
    }
