"""The audit log of a node's API server, connected as the how-to says: by its webhook, and by the agent."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

import yaml

from tests.cluster.certificates import write_secret
from tests.cluster.errors import ClusterError
from tests.cluster.node.namespaces import NAME as NODE
from tests.e2e.release import NAMESPACE, Release

ADDRESS, INSTANCE, SENDERS = "10.96.0.77", "cp-1", "audit-senders"
TOKEN: Final = "0123456789abcdef0123456789abcdef"
WEBHOOK: Final = (
    "--set",
    f"webhook.enabled=true,webhook.clusterIP={ADDRESS},webhook.tokensSecretName={SENDERS}",
    "--set",
    f"webhook.instances[0].name={INSTANCE},webhook.instances[0].tokenKey={INSTANCE}",
)
AGENT: Final = ("--set", "agent.enabled=true")
AGENT_POSTS: Final = f'auditwatch_audit_source_state{{instance="{NODE}",source="audit-webhook",state="Receiving"}} 1.0'
CA: Final = "k10-auditwatch-webhook-ca"
ON_NODE: Final = "/etc/kubernetes/auditwatch"
"""Where the guide for kubeadm puts the kubeconfig; the test's API server has a directory of its own for it."""


def make_senders(release: Release) -> None:
    """The Secret with one token for each API server."""
    token = f"--from-literal={INSTANCE}={TOKEN}"
    release.node.kubectl("create", "secret", "generic", SENDERS, "-n", NAMESPACE, token)


def tell_apiserver(release: Release) -> None:
    """Give the API server what ``auditwatch webhook-config`` prints, and start it again."""
    directory = release.node.directory / "auditwatch"
    directory.mkdir(exist_ok=True)
    config, patch, *_ = yaml.safe_load_all(printed(release, directory))
    write_secret(directory / "audit-webhook.kubeconfig", yaml.safe_dump(config).encode())
    flags = [flag.replace(ON_NODE, str(directory)) for flag in patch["spec"]["containers"][0]["command"]]
    release.node.reconfigure_apiserver(*flags)


def forget_apiserver(release: Release) -> None:
    """Its API server posts nowhere any more."""
    release.node.reconfigure_apiserver("--audit-webhook-config-file=")


def published(release: Release, namespace: str = NAMESPACE) -> str:
    """The self-made CA where senders find it."""
    return release.node.kubectl("get", "configmap", CA, "-n", namespace, "-o", r"jsonpath={.data.ca\.crt}")


def printed(release: Release, directory: Path) -> str:
    """What ``auditwatch webhook-config`` prints with the options that NOTES give. Raises :class:`ClusterError`."""
    release.until(lambda: published(release), what="the CA to be published")
    (directory / "ca.crt").write_text(published(release))
    write_secret(directory / "token", TOKEN.encode())
    files = ("--ca-file", str(directory / "ca.crt"), "--token-file", str(directory / "token"))
    server = ("--server", f"https://{ADDRESS}:8443", "--tls-server-name", "k10-auditwatch")
    command = ("webhook-config", *server, *files, "--instance", INSTANCE, "--platform", "kubeadm")
    done = subprocess.run([sys.executable, "-m", "auditwatch", *command], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ClusterError(done.stderr)
    return done.stdout
