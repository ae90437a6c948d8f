"""What a webhook source is made of: plain values, so that neither settings nor a cluster are known in here."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

MIB = 1 << 20
ANY_NODE = "*"
"""As the instance of a sender: the node that the sender's token is bound to."""

SERVER_NAME: Final = "k10-auditwatch"
"""In every certificate we make, whatever the Service is called and however it was installed."""
SERVICES: Final = ("k10-auditwatch-webhook", "k10-auditwatch")
"""Services that lead here: the chart's under its usual name (others it names itself), and that of the manifests."""


def own_hosts(namespace: str) -> tuple[str, ...]:
    """Names and addresses a self-made certificate is for without being told to. ``namespace``: the operator's."""
    return (SERVER_NAME, *(f"{service}.{namespace}.svc" for service in SERVICES), "127.0.0.1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who may post for one instance of a source: any one of the ways that are given is enough."""

    source: str
    instance: str
    certificate_name: str = ""
    """Common name of its verified client certificate."""
    token_file: Path | None = None
    """Holds the bearer token it sends."""
    service_account: str = ""
    """``namespace/name`` whose tokens, made for our audience, it sends."""

    @property
    def is_open(self) -> bool:
        """Whether nothing at all is asked of it."""
        return not (self.certificate_name or self.token_file or self.service_account)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one client, and all of them together, may cost. Seconds and bytes."""

    event_bytes: int = 1_000_000
    """A larger body is left out of its event, which is kept as degraded: decoding it would hold up everything else."""
    flight_bytes: int = 128 * MIB
    """Bodies held in memory at one moment, unpacked ones included; what does not fit is to come again."""
    waiting_bytes: int = 64 * MIB
    """Records that wait for the journal at one moment; who brings more is to come again at once."""
    handshake_seconds: float = 10.0
    head_seconds: float = 10.0
    """From the handshake to the first request whose sender is known."""
    stall_seconds: float = 10.0
    """Between two pieces of a body."""
    body_seconds: float = 60.0
    commit_seconds: float = 20.0
    """Below the 30 s after which kube-apiserver gives an attempt up."""
    idle_seconds: float = 120.0
    """Longer than the 90 s after which kube-apiserver closes an idle connection itself."""
    connections: int = 256
    handshakes: int = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class TLSFiles:
    """PEM files; without ``client_authority`` no client certificate is asked for."""

    certificate: Path
    key: Path
    client_authority: Path | None = None


@dataclass(frozen=True, slots=True)
class ConfigMapName:
    """Where a ConfigMap is."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfMade:
    """Where the operator keeps a CA and a serving certificate of its own, and the names and addresses it is for."""

    directory: Path
    hosts: tuple[str, ...]
    client_authority: Path | None = None
    published_in: tuple[ConfigMapName, ...] = ()
    """Where senders find the CA."""

    @property
    def authority(self) -> Path:
        """The file with the CA's certificate."""
        return self.directory / "ca.crt"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookPlan:
    """One webhook source."""

    name: str
    cluster: str
    address: str
    port: int
    tls: TLSFiles | SelfMade
    senders: tuple[Sender, ...]
    accepts_forgeries: bool = False
    """Senders of whom nothing is asked are allowed."""
    limits: Limits = field(default_factory=Limits)


class UnsafePlanError(Exception):
    """The plan would take events from anybody, without having said so."""


def check(plan: WebhookPlan) -> None:
    """Raise :class:`UnsafePlanError` where an instance asks nothing of its sender and that was not said in words."""
    is_open = [sender.instance for sender in plan.senders if sender.is_open]
    if is_open and not plan.accepts_forgeries:
        raise UnsafePlanError(
            f"source {plan.name}: nothing is asked of who posts for {', '.join(is_open)}: anybody could forge events; "
            "give clientCertificateName, tokenFile or serviceAccount"
        )
    if not plan.senders:
        raise UnsafePlanError(f"source {plan.name}: has no instances, so nobody could post; add one")
