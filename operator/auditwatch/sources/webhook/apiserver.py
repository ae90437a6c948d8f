"""How kube-apiserver is told to post here: the kubeconfig of its audit webhook, and its flags with their reasons.

The values are chosen so that nobody can make events disappear on the way, or make them late; figures are of
kube-apiserver 1.37.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any, Final

from auditwatch.sources.webhook.plan import MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """With what an API server proves who it is, in PEM; a certificate and its key, or a token."""

    certificate: bytes = b""
    key: bytes = b""
    token: str = ""


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag without its dashes."""

    name: str
    value: str
    why: str


def kubeconfig(*, url: str, authority: bytes, credentials: Credentials, server_name: str = "") -> str:
    """The kubeconfig as YAML, whole in itself: everything in one file that only root may read.

    ``authority``: PEM. ``server_name``: what the server's certificate is for, where that is not the host of ``url``.
    """
    cluster = {"server": url, "certificate-authority-data": _encoded(authority)}
    if server_name:
        cluster["tls-server-name"] = server_name
    user: dict[str, str] = {"token": credentials.token} if credentials.token else {}
    if credentials.certificate:
        user["client-certificate-data"] = _encoded(credentials.certificate)
        user["client-key-data"] = _encoded(credentials.key)
    document: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "k10-auditwatch", "cluster": cluster}],
        "users": [{"name": "kube-apiserver", "user": user}],
        "contexts": [{"name": "audit", "context": {"cluster": "k10-auditwatch", "user": "kube-apiserver"}}],
        "current-context": "audit",
    }
    lines = [f"{name}: {json.dumps(value)}" for name, value in document.items()]  # JSON is YAML
    return "\n".join(lines) + "\n"


def flags(config_path: str) -> tuple[Flag, ...]:
    """Every flag that matters, defaults included, so that nobody's former value stays in force."""
    return (Flag("audit-webhook-config-file", config_path, "Where the events go, and with which credentials."), *_FLAGS)


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


_FLAGS: Final = (
    Flag(
        "audit-webhook-mode",
        "batch",
        "Requests never wait for k10-auditwatch: a monitor that is slow or gone must not stop the cluster.",
    ),
    Flag(
        "audit-webhook-batch-max-wait",
        "1s",
        "An event is on its way after a second; the default leaves an intruder 30 seconds.",
    ),
    Flag(
        "audit-webhook-batch-max-size",
        "400",
        "Events per request (the default); what they may weigh together is limited below.",
    ),
    Flag(
        "audit-webhook-batch-buffer-size",
        "10000",
        "Events that wait to be sent (the default): it is emptied faster than an API server can fill it, see the next.",
    ),
    Flag(
        "audit-webhook-batch-throttle-qps",
        "100",
        "Requests per second. At the default of 10, a burst of requests overflows the buffer and events are dropped.",
    ),
    Flag("audit-webhook-batch-throttle-burst", "150", "Requests at once, after a pause."),
    Flag(
        "audit-webhook-initial-backoff",
        "20s",
        "Five attempts, the pauses growing from this: events survive 160 seconds without k10-auditwatch, not 81.",
    ),
    Flag(
        "audit-webhook-truncate-enabled",
        "true",
        "Each event is made ready by itself: one that cannot be written does not take the others of its batch along.",
    ),
    Flag(
        "audit-webhook-truncate-max-event-size",
        str(32 * MIB),
        "Above it an event loses its bodies, and what is still larger is dropped: so it is more than all the rest of "
        "an event can ever weigh.",
    ),
    Flag(
        "audit-webhook-truncate-max-batch-size",
        str(64 * MIB),
        "Above it a batch is sent in parts; k10-auditwatch takes up to maxBytesInFlight (128 MiB) at once.",
    ),
)
