"""Sources on a real engine and journal, beside a small API server: what the tests of receiving and ingest stand on."""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from auditwatch.events.redaction import Redactor
from auditwatch.runtime.canaries import CANARY_NEEDLE, AuditCanaries
from auditwatch.runtime.following import Ground
from auditwatch.runtime.needing import NeedlesInForce
from auditwatch.runtime.observing import Observing, Witness
from auditwatch.runtime.receiving import AuditPlan, proven_sources
from auditwatch.runtime.sourcesections import FileSection, SourceSection
from auditwatch.runtime.webhooksection import InstanceSection, ListenSection, TLSSection, WebhookSection
from tests.unit.runtime.apiserver import US, ApiServer, Asked
from tests.unit.runtime.engine_parts import Bench
from tests.unit.sources.webhook.making import Keys

TOKEN = "a-token-of-the-api-server"


class Stand:
    """The engine runs; ``plan`` and ``ground`` are what an operator would give the sources."""

    def __init__(self, directory: Path, server: ApiServer) -> None:
        self.directory = directory
        self.server = server
        self.keys = Keys(directory / "keys")
        (directory / "token").write_text(TOKEN)
        self.bench = Bench(directory)
        self.engine = self.bench.start()
        self.observing = Observing()
        self.sections: list[SourceSection] = []

    def webhook(self, name: str = "audit-webhook", *, port: int = 0, certificate: str = "server") -> WebhookSection:
        files = self.keys.directory
        return WebhookSection(
            name=name,
            listen=ListenSection(address="127.0.0.1", port=port),
            tls=TLSSection(cert_file=files / f"{certificate}.crt", key_file=files / f"{certificate}.key"),
            instances=(InstanceSection(name="cp-1", token_file=self.directory / "token"),),
        )

    def file(self, name: str = "audit-log") -> FileSection:
        return FileSection(name=name, path=self.directory / "audit.log", instance="cp-1")

    def plan(self, *sections: SourceSection) -> AuditPlan:
        canaries = AuditCanaries(proven_sources(sections), cluster="c")
        return AuditPlan(
            sections=sections,
            needles=NeedlesInForce([CANARY_NEEDLE]),
            canaries=canaries,
            observing=self.observing,
            witness=Witness(canaries, self.observing),
            made=self.directory / "webhook",
            own_hosts=("127.0.0.1",),
        )

    @property
    def ground(self) -> Ground:
        return Ground(
            kubeconfig=self.server.kubeconfig,
            context=None,
            cluster_name="c",
            redactor=Redactor(b"k" * 32),
            intake=self.engine,
            new_nonce=lambda: secrets.token_hex(16),
        )

    async def post(self, port: int, *events: dict[str, Any], source: str = "audit-webhook") -> int:
        """As kube-apiserver does it; the status of the answer."""
        body = {"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": list(events)}
        context = ssl.create_default_context(cafile=str(self.keys.directory / "ca.crt"))
        async with aiohttp.ClientSession() as session:
            answer = await session.post(
                f"https://127.0.0.1:{port}/ingest/v1/{source}/cp-1",
                data=json.dumps(body, separators=(",", ":")).encode(),
                headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"},
                ssl=context,
            )
            return answer.status


@dataclass
class Ended:
    """Hears that something ended by itself."""

    told: list[BaseException | None] = field(default_factory=list)

    def __call__(self, error: BaseException | None) -> None:
        self.told.append(error)


def echoed(asked: Asked) -> dict[str, Any]:
    """What the API server writes into its audit log about one of our requests."""
    _, _, group, version, _, namespace, resource, name = asked.path.split("/")
    return {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "Metadata",
        "auditID": asked.query["canary"],
        "stage": "ResponseComplete",
        "requestURI": f"{asked.path}?canary={asked.query['canary']}",
        "verb": {"GET": "get", "DELETE": "delete"}[asked.method],
        "user": {"username": US},
        "objectRef": {
            "resource": resource, "namespace": namespace, "name": name, "apiGroup": group, "apiVersion": version
        },
        "responseStatus": {"code": 404},
        "requestReceivedTimestamp": "2027-01-15T08:00:00.000000Z",
        "stageTimestamp": "2027-01-15T08:00:00.500000Z",
    }  # fmt: skip


def line(asked: Asked) -> bytes:
    """The same as one line of the log."""
    return json.dumps(echoed(asked), separators=(",", ":")).encode() + b"\n"


def a_free_port() -> int:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        return int(reserved.getsockname()[1])


async def listening(port: int) -> None:
    """Wait until somebody takes connections."""
    async with asyncio.timeout(30.0):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.01)
            else:
                writer.close()
                return


def states(reports: Sequence[Any]) -> dict[str, str]:
    """By source."""
    return {report.source: report.state for report in reports}
