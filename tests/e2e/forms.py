"""Forms of the installation with rights of their own: between them every switch that the chart's roles ask for.

The default form, and the audit log by webhook and agent, are those of conftest.py.
"""

from __future__ import annotations

from typing import Final

from tests.e2e import connecting, second_k10
from tests.e2e.release import MULTICLUSTER, NAMESPACE

BARE: Final = {
    "sources.k10Stream.enabled": "false",
    "k10s[0].multicluster": "false",
    "auditWatch.create": "false",
    "lease.name": "e2e-lease",
}
"""Watched state alone, also of a K10 of which nobody said that it is part of a multi-cluster; no AuditWatch is made."""
SENDER: Final = "audit-sender"
SERVING: Final = "audit-serving"
POSTED: Final = {
    "webhook.enabled": "true",
    "webhook.clusterIP": connecting.ADDRESS,
    "webhook.instances[0].name": connecting.INSTANCE,
    "webhook.instances[0].serviceAccount": f"{NAMESPACE}/{SENDER}",
    "webhook.tls.mode": "existingSecret",
    "webhook.tls.secretName": SERVING,
    "auditWatch.name": "e2e",
    "k10Discovery": "false",
}
"""An API server posts with a service account's token, to a certificate that somebody else has made; K10 is named."""
AGENTS: Final = "audit-readers"
MANY: Final = {
    "agent.enabled": "true",
    "agent.namespace": AGENTS,
    "k10s[1].namespace": second_k10.NAMESPACE,
    "k10s[1].apiDomain": second_k10.DOMAIN,
}
"""Two K10s, and the agent alone, in a namespace of its own name."""
EVERYWHERE: Final = {"rbac.create": "true", **dict(part.split("=") for part in MULTICLUSTER[1].split(","))}
"""What is the same in every form."""


def arguments(values: dict[str, str]) -> tuple[str, ...]:
    """As helm takes them."""
    return tuple(part for key, value in values.items() for part in ("--set", f"{key}={value}"))
