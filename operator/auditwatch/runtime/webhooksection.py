"""The ``Webhook`` source of the installer's configuration: where it listens, its certificate, and who may post."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from auditwatch.runtime.section import Name, Section
from auditwatch.sources.webhook.plan import (
    ANY_NODE,
    MIB,
    ConfigMapName,
    Limits,
    SelfMade,
    Sender,
    TLSFiles,
    WebhookPlan,
)

_NOTHING_PROVES = (
    "nothing proves who posts: give clientCertificateName, tokenFile or serviceAccount (or, where forged events do not "
    'matter, authentication: {anonymous: "I accept forged events"} on the source)'
)
InstanceName = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")]
_Sender = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?|\*)$")]
_Account = Annotated[
    str, Field(max_length=317, pattern=r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?/[a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$")
]
_ConfigMap = Annotated[
    str, Field(max_length=317, pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?/[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")
]
_Host = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[A-Za-z0-9.:*-]+$")]


class ListenSection(Section):
    """The port that senders reach."""

    address: str = "0.0.0.0"  # noqa: S104 - API servers and agents reach the pod by its address
    port: Annotated[int, Field(ge=0, le=65535)] = 8443


class TLSSection(Section):
    """PEM files. Without ``certFile`` the operator makes a CA and a certificate for ``hosts`` beside its journal."""

    cert_file: Path | None = None
    key_file: Path | None = None
    client_ca_file: Annotated[Path | None, Field(alias="clientCAFile")] = None
    hosts: Annotated[tuple[_Host, ...], Field(max_length=32)] = ()
    ca_config_maps: Annotated[tuple[_ConfigMap, ...], Field(max_length=16)] = ()
    """``namespace/name`` of the ConfigMaps in which the self-made CA is published."""


class AuthenticationSection(Section):
    """Only to say in words that anybody may post."""

    anonymous: Literal["I accept forged events"] | None = None


class InstanceSection(Section):
    """One sender: an API server, or an agent. Any one of the ways given proves who it is."""

    name: _Sender
    client_certificate_name: Annotated[str, Field(max_length=253)] = ""
    token_file: Path | None = None
    service_account: _Account = ""


class WebhookSection(Section):
    """Receives audit events from kube-apiserver and from agents."""

    name: Name = "audit-webhook"
    type: Literal["Webhook"] = "Webhook"
    listen: ListenSection = ListenSection()
    tls: TLSSection = TLSSection()
    authentication: AuthenticationSection = AuthenticationSection()
    instances: Annotated[tuple[InstanceSection, ...], Field(min_length=1, max_length=256)]
    max_event_bytes: Annotated[int, Field(ge=64 * 1024, le=64 * MIB)] = Limits().event_bytes
    max_bytes_in_flight: Annotated[int, Field(ge=80 * MIB, le=4096 * MIB)] = Limits().flight_bytes

    def problems(self) -> Iterator[tuple[str, str]]:
        """What is wrong between the fields: (path below this source, message)."""
        if (self.tls.cert_file is None) != (self.tls.key_file is None):
            missing = "keyFile" if self.tls.cert_file else "certFile"
            yield f"tls.{missing}", "required beside the other: give both, or neither for a self-made certificate"
        if self.tls.cert_file and self.tls.ca_config_maps:
            yield (
                "tls.caConfigMaps",
                "publishes the self-made CA, which tls.certFile does without: leave one of them out",
            )
        names = [instance.name for instance in self.instances]
        for index, instance in enumerate(self.instances):
            path = f"instances[{index}]"
            if instance.name in names[:index]:
                yield f"{path}.name", f"instances[{names.index(instance.name)}] has this name; give each its own"
            yield from ((f"{path}{field}", message) for field, message in self._unproven(instance))

    def _unproven(self, instance: InstanceSection) -> Iterator[tuple[str, str]]:
        if instance.client_certificate_name and self.tls.client_ca_file is None:
            yield ".clientCertificateName", "needs tls.clientCAFile: the CA that signs such certificates"
        others = instance.client_certificate_name or instance.token_file
        if instance.name == ANY_NODE and (others or not instance.service_account):
            yield (
                ".name",
                '"*" (each node for itself) takes serviceAccount, and nothing else: name the instance instead',
            )
        elif not others and not instance.service_account and self.authentication.anonymous is None:
            yield "", _NOTHING_PROVES

    def plan(self, *, cluster: str, made: Path, own_hosts: tuple[str, ...]) -> WebhookPlan:
        """What the source is made of. ``made``: directory for self-made certificates; ``own_hosts``: always in them."""
        return WebhookPlan(
            name=self.name,
            cluster=cluster,
            address=self.listen.address,
            port=self.listen.port,
            tls=self._tls(made / self.name, own_hosts),
            senders=tuple(self._sender(instance) for instance in self.instances),
            accepts_forgeries=self.authentication.anonymous is not None,
            limits=Limits(event_bytes=self.max_event_bytes, flight_bytes=self.max_bytes_in_flight),
        )

    def _tls(self, made: Path, own_hosts: tuple[str, ...]) -> TLSFiles | SelfMade:
        tls = self.tls
        if tls.cert_file and tls.key_file:
            return TLSFiles(certificate=tls.cert_file, key=tls.key_file, client_authority=tls.client_ca_file)
        hosts = tuple(dict.fromkeys([*own_hosts, *tls.hosts]))
        places = (each.split("/") for each in dict.fromkeys(tls.ca_config_maps))
        return SelfMade(
            directory=made,
            hosts=hosts,
            client_authority=tls.client_ca_file,
            published_in=tuple(ConfigMapName(namespace, name) for namespace, name in places),
        )

    def _sender(self, instance: InstanceSection) -> Sender:
        return Sender(
            source=self.name,
            instance=instance.name,
            certificate_name=instance.client_certificate_name,
            token_file=instance.token_file,
            service_account=instance.service_account,
        )
