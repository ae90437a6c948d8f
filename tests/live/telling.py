"""kube-apiserver told of the operator's webhook as NOTES and the how-to say, by what `webhook-config` prints.

It prints for kubeadm, with paths on its nodes; a test's API server has a directory of its own for the files.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import yaml

from tests.cluster.certificates import write_secret
from tests.cluster.controlplane import ControlPlane
from tests.cluster.errors import ClusterError

AUTHORITY: Final = "k10-auditwatch-webhook-ca"
"""The ConfigMap in which the operator publishes the CA it made for itself."""
KUBECONFIG: Final = "audit-webhook.kubeconfig"
ON_NODE: Final = "/etc/kubernetes/auditwatch"
"""Where the guide for kubeadm puts the kubeconfig."""


def command(*, server: str, instance: str) -> tuple[str, ...]:
    """What a person types, in a folder with ``ca.crt`` and ``token``."""
    return (
        *("auditwatch", "webhook-config", "--server", server, "--ca-file", "ca.crt"),
        *("--tls-server-name", "k10-auditwatch", "--instance", instance, "--token-file", "token"),
        *("--platform", "kubeadm"),
    )


def published(cluster: ControlPlane, namespace: str) -> str:
    """The CA, PEM; empty while it is not there yet."""
    named = ("configmap", AUTHORITY, "-n", namespace, "--ignore-not-found")
    return cluster.kubectl("get", *named, "-o", r"jsonpath={.data.ca\.crt}")


def flags(typed: Sequence[str], *, authority: str, token: str, directory: Path) -> list[str]:
    """The flags that kube-apiserver is given, once all files lie in ``directory``.

    Raises :class:`ClusterError` with the complaint of ``auditwatch webhook-config``.
    """
    directory.mkdir(exist_ok=True)
    (directory / "ca.crt").write_text(authority)
    write_secret(directory / "token", token.encode())
    done = subprocess.run([sys.executable, "-m", *typed], capture_output=True, text=True, check=False, cwd=directory)
    if done.returncode:
        raise ClusterError(f"{' '.join(typed)}:\n{done.stderr}")
    config, patch, *_ = yaml.safe_load_all(done.stdout)
    write_secret(directory / KUBECONFIG, yaml.safe_dump(config).encode())
    return [str(flag).replace(ON_NODE, str(directory)) for flag in patch["spec"]["containers"][0]["command"]]
