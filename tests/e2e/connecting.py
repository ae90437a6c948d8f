"""The audit log of a node's API server, connected as the how-to says: by its webhook, and by the agent."""

from __future__ import annotations

from typing import Final

from tests.cluster.node.namespaces import NAME as NODE
from tests.e2e.release import NAMESPACE, Release
from tests.live import telling

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


def make_senders(release: Release) -> None:
    """The Secret with one token for each API server."""
    token = f"--from-literal={INSTANCE}={TOKEN}"
    release.node.kubectl("create", "secret", "generic", SENDERS, "-n", NAMESPACE, token)


def tell_apiserver(release: Release) -> None:
    """As :func:`tell`, with the self-made CA and the API server's token of :func:`make_senders`."""
    release.until(lambda: published(release), what="the CA to be published")
    tell(release, authority=published(release), token=TOKEN)


def tell(release: Release, *, authority: str, token: str) -> None:
    """Give the API server what ``auditwatch webhook-config`` prints with the options of NOTES, and start it again."""
    typed = telling.command(server=f"https://{ADDRESS}:8443", instance=INSTANCE)
    directory = release.node.directory / "auditwatch"
    flags = telling.flags(typed, authority=authority, token=token, directory=directory)
    release.node.reconfigure_apiserver(*flags)


def forget_apiserver(release: Release) -> None:
    """Its API server posts nowhere any more."""
    release.node.reconfigure_apiserver("--audit-webhook-config-file=")


def published(release: Release, namespace: str = NAMESPACE) -> str:
    """The self-made CA where senders find it; empty while it is not there."""
    return telling.published(release.node, namespace)
