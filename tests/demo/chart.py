"""k10-auditwatch as a user installs it: the chart, with values that connect the audit log, and the webhook after it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

import yaml

from tests.cluster.certificates import write_secret
from tests.cluster.controlplane import ControlPlane
from tests.cluster.errors import ClusterError
from tests.images.project import REFERENCE
from tests.live.installation import NAMESPACE

CHART: Final = "charts/k10-auditwatch"
RELEASE: Final = "k10-auditwatch"
REPOSITORY: Final = Path(__file__).parents[2]
INSTANCE, SENDERS = "cp-1", "audit-webhook-tokens"
ADDRESS, PORT = "10.96.77.10", 8443
WEBHOOK: Final = "k10-auditwatch-webhook"
TOKEN: Final = "a-token-that-only-the-api-server-knows"
WAIT: Final = ("--wait", "--timeout", "180s")
CONNECT: Final = (
    *("auditwatch", "webhook-config", "--server", f"https://{ADDRESS}:{PORT}", "--ca-file", "ca.crt"),
    *("--tls-server-name", "k10-auditwatch", "--instance", INSTANCE, "--token-file", "token", "--platform", "kubeadm"),
)
"""As the NOTES of the chart say."""
KUBECONFIG: Final = "audit-webhook.kubeconfig"
ON_NODE: Final = f"/etc/kubernetes/auditwatch/{KUBECONFIG}"
"""Where it goes on a node of kubeadm; the demo's API server has a directory of its own."""

PREPARED: Final = f"""\
apiVersion: v1
kind: Namespace
metadata: {{name: {NAMESPACE}, labels: {{pod-security.kubernetes.io/enforce: restricted}}}}
---
apiVersion: v1
kind: Secret
metadata: {{name: {SENDERS}, namespace: {NAMESPACE}}}
stringData: {{{INSTANCE}: {TOKEN}}}
"""
"""What is there before the chart: its namespace, in which Pod Security allows little, and the sender's token."""


def values(by: tuple[str, ...]) -> dict[str, Any]:
    """For this K10, part of a multi-cluster; ``by``: which of ``file`` and ``webhook`` are connected."""
    repository, _, tag = REFERENCE.rpartition(":")
    given: dict[str, Any] = {
        "image": {"repository": repository, "tag": tag},
        "k10s": [{"namespace": "kasten-io", "multicluster": True}],
    }
    if "file" in by:
        given["agent"] = {"enabled": True}
    if "webhook" in by:
        instances = [{"name": INSTANCE, "tokenKey": INSTANCE}]
        given["webhook"] = {
            "enabled": True,
            "clusterIP": ADDRESS,
            "tokensSecretName": SENDERS,
            "instances": instances,
        }
    return given


def arguments(*, file: str, chart: str = CHART) -> list[str]:
    """The command line of helm, with the values in ``file``."""
    return ["install", RELEASE, chart, "--namespace", NAMESPACE, "--values", file, *WAIT]


def shown(by: tuple[str, ...]) -> str:
    """The values as a file: one line for each key."""
    return "".join(
        yaml.safe_dump({key: value}, default_flow_style=None, width=1000, sort_keys=False)
        for key, value in values(by).items()
    )


def write_values(by: tuple[str, ...], directory: Path) -> Path:
    """The file of values."""
    file = directory / "values.yaml"
    file.write_text(shown(by))
    return file


def authority(cluster: ControlPlane) -> bytes:
    """The CA that the operator made for itself and published, PEM; empty while it is not there yet."""
    shown = cluster.kubectl(
        *("get", "configmap", "-n", NAMESPACE, f"{WEBHOOK}-ca", "--ignore-not-found", "-o", r"jsonpath={.data.ca\.crt}")
    )
    return shown.encode()


def apiserver_flags(ca: bytes, directory: Path) -> list[str]:
    """What ``auditwatch webhook-config`` prints for kubeadm: the kubeconfig, written to ``directory``, and the flags.

    Raises :class:`ClusterError` with its complaint.
    """
    write_secret(directory / "token", TOKEN.encode())
    (directory / "ca.crt").write_bytes(ca)
    done = subprocess.run([sys.executable, "-m", *CONNECT], capture_output=True, text=True, check=False, cwd=directory)
    if done.returncode:
        raise ClusterError(f"{' '.join(CONNECT)}:\n{done.stderr}")
    config, patch, *_ = yaml.safe_load_all(done.stdout)
    write_secret(directory / KUBECONFIG, json.dumps(config).encode())
    written = [str(flag) for flag in patch["spec"]["containers"][0]["command"]]
    return [flag.replace(ON_NODE, str(directory / KUBECONFIG)) for flag in written]


def told(printed: str) -> str:
    """Of what helm prints: what is seen and what is blind."""
    return printed.partition("NOTES:\n")[2].partition("\nNext\n")[0]


def now() -> float:
    """Seconds since the epoch."""
    return time.time()
