"""A webhook source on loopback, its certificates, events to post, and an intake with a real journal behind it."""

from __future__ import annotations

import asyncio
import datetime as dt
import io
import itertools
import json
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from auditwatch.cluster.token_review import ReviewedToken
from auditwatch.events.audit import AuditRecord, Seen, unseen
from auditwatch.events.needles import Needle, Needles
from auditwatch.events.redaction import Redactor
from auditwatch.journal.delivery import Delivery
from auditwatch.journal.journal import Journal
from auditwatch.sources.webhook.plan import Limits, Sender, TLSFiles, WebhookPlan
from auditwatch.sources.webhook.report import WebhookReport
from auditwatch.sources.webhook.reviewing import TokenReviewer
from auditwatch.sources.webhook.source import WebhookSource
from tests.cluster.certificates import Authority

NOW = 1_800_000_000.0
SOURCE, INSTANCE = "audit-webhook", "cp-1"
PATH = f"/ingest/v1/{SOURCE}/{INSTANCE}"
TOKEN = "a-token-of-some-length"
EVERYTHING = Needles.of([], reads_everything=True)
POLICIES = Needles.of([Needle(('"resource":"policies"',))])


def event(number: int = 0, *, resource: str = "policies", **fields: Any) -> dict[str, Any]:
    """An audit event as an EventList holds it: fields in the order of the API server, neither kind nor version."""
    return {
        "level": "Metadata",
        "auditID": f"audit-{number}",
        "stage": "ResponseComplete",
        "requestURI": f"/apis/config.kio.kasten.io/v1alpha1/namespaces/kasten-io/{resource}/p{number}",
        "verb": "delete",
        "user": {"username": "mallory"},
        "objectRef": {"resource": resource, "namespace": "kasten-io", "name": f"p{number}"},
        "responseStatus": {"code": 200},
        **fields,
        "requestReceivedTimestamp": "2027-01-15T08:00:00.000000Z",
        "stageTimestamp": "2027-01-15T08:00:00.500000Z",
    }


def compact(document: object) -> bytes:
    """JSON as the API server writes it."""
    return json.dumps(document, separators=(",", ":")).encode()


def event_list(*items: dict[str, Any] | bytes) -> bytes:
    """A body as kube-apiserver posts it; bytes are put in as they are."""
    parts = [item if isinstance(item, bytes) else compact(item) for item in items]
    return b'{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":[' + b",".join(parts) + b"]}\n"


class JournalIntake:
    """Records at once, as the engine does; ``fails`` is raised instead, ``gate`` holds everything up."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.fails: Exception | None = None
        self.gate: asyncio.Event | None = None
        self.arrived = asyncio.Event()
        self.put_count = 0

    async def put(self, delivery: Delivery) -> None:
        self.put_count += 1
        self.arrived.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.fails is not None:
            raise self.fails
        with self.journal.transaction():
            delivery.record(self.journal)

    def records(self) -> list[AuditRecord]:
        """Everything in the inbox, in order."""
        rows = self.journal.unsettled(limit=100_000)
        return [msgspec.json.decode(row.payload, type=AuditRecord) for row in rows]

    def names(self) -> list[str]:
        """Names of the objects in the inbox."""
        return [record.event.object_ref.name for record in self.records() if record.event.object_ref]


@dataclass(slots=True)
class Reviewer:
    """An API server that knows these tokens; ``fails`` is raised instead."""

    known: dict[str, ReviewedToken] = field(default_factory=dict)
    fails: Exception | None = None
    asked: list[tuple[str, str]] = field(default_factory=list)

    async def review(self, token: str, *, audience: str) -> ReviewedToken | None:
        self.asked.append((token, audience))
        if self.fails is not None:
            raise self.fails
        return self.known.get(token)


class Keys:
    """A CA that signs servers and clients, in a directory."""

    def __init__(self, directory: Path, name: str = "test CA") -> None:
        directory.mkdir(exist_ok=True)
        self.directory = directory
        self.authority = Authority.create(name, now=dt.datetime.now(dt.UTC))
        (directory / "ca.crt").write_bytes(self.authority.pair.certificate_pem)
        self.serve("server")

    def serve(self, name: str) -> None:
        """Make ``server.crt`` and ``server.key`` anew."""
        self.authority.issue(name, hosts=["127.0.0.1"]).write(self.directory, "server")

    @property
    def files(self) -> TLSFiles:
        return TLSFiles(
            certificate=self.directory / "server.crt",
            key=self.directory / "server.key",
            client_authority=self.directory / "ca.crt",
        )

    def client(self, name: str = "") -> ssl.SSLContext:
        """What a client connects with, that trusts this CA and shows a certificate of ``name``."""
        context = ssl.create_default_context(cafile=str(self.directory / "ca.crt"))
        if name:
            self.authority.issue(name).write(self.directory, f"client-{name}")
            context.load_cert_chain(self.directory / f"client-{name}.crt", self.directory / f"client-{name}.key")
        return context


IMPATIENT = Limits(stall_seconds=0.3, body_seconds=1.0)
"""For tests of what is given up; where something must succeed, a busy machine needs the real ones."""


@dataclass(slots=True)
class Rig:
    """A running source and what is around it."""

    source: WebhookSource
    intake: JournalIntake
    keys: Keys
    reviewer: Reviewer
    needles: list[Needles]
    """The last one is in force."""

    def url(self, path: str = PATH) -> str:
        return f"https://127.0.0.1:{self.source.port}{path}"

    def report(self, instance: str = INSTANCE) -> WebhookReport:
        return next(each for each in self.source.report() if each.instance == instance)

    async def post(
        self,
        body: Any,
        *,
        path: str = PATH,
        name: str = "",
        token: str = TOKEN,
        headers: dict[str, str] | None = None,
        method: str = "POST",
    ) -> tuple[int, str, dict[str, str]]:
        """Status, text and headers of the answer, on a connection of its own."""
        sent = {**({"Authorization": f"Bearer {token}"} if token else {}), **(headers or {})}
        connector = aiohttp.TCPConnector(ssl=self.keys.client(name))
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.request(
                method,
                self.url(path),
                data=io.BytesIO(body) if isinstance(body, bytes) else body,
                headers=sent,
                allow_redirects=False,
            ) as answer,
        ):
            return answer.status, await answer.text(), dict(answer.headers)

    def connect(self) -> ssl.SSLSocket:
        """A raw connection, blocking."""
        plain = socket.create_connection(("127.0.0.1", self.source.port), timeout=10)
        return self.keys.client().wrap_socket(plain, server_hostname="127.0.0.1")

    async def converse(self, talk: Callable[[ssl.SSLSocket], bytes]) -> bytes:
        """Whatever a raw client does and gets back."""

        def run() -> bytes:
            with self.connect() as connection:
                return talk(connection)

        return await asyncio.to_thread(run)


def read_all(connection: ssl.SSLSocket) -> bytes:
    """Until the server closes, or ten seconds of silence."""
    received = b""
    while piece := connection.recv(65536):
        received += piece
    return received


def head(*lines: str, path: str = PATH, token: str = TOKEN) -> bytes:
    """The head of a request, as raw clients send it."""
    first = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {token}"]
    return "\r\n".join([*first, *lines, "", ""]).encode()


@asynccontextmanager
async def running(
    directory: Path,
    journal: Journal,
    *,
    senders: Sequence[Sender] | None = None,
    limits: Limits | None = None,
    accepts_forgeries: bool = False,
    plan: WebhookPlan | None = None,
    reviewer: TokenReviewer | None = None,
    seen: Seen = unseen,
) -> AsyncIterator[Rig]:
    """A source that takes :data:`TOKEN`, or what ``senders`` say."""
    keys = Keys(directory / "keys")
    token_file = directory / "token"
    if not token_file.exists():
        token_file.write_text(f"{TOKEN}\n", encoding="ascii")
    default = Sender(source=SOURCE, instance=INSTANCE, certificate_name="kube-apiserver", token_file=token_file)
    plan = plan or WebhookPlan(
        name=SOURCE,
        cluster="prod",
        address="127.0.0.1",
        port=0,
        tls=keys.files,
        senders=tuple(senders or [default]),
        limits=limits or Limits(),
        accepts_forgeries=accepts_forgeries,
    )
    intake, known, needles = JournalIntake(journal), Reviewer(), [EVERYTHING]
    source = WebhookSource(
        plan,
        intake=intake,
        redactor=Redactor(b"key"),
        needles=lambda: needles[-1],
        reviewer=reviewer or known,
        clock=time.time,
        monotonic=time.monotonic,
        serial=itertools.count(1).__next__,
        seen=seen,
    )
    await source.start()
    try:
        yield Rig(source, intake, keys, known, needles)
    finally:
        await source.stop()
