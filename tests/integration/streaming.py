"""The k10stream source with a real journal against a K10 that runs on a real API server, under the shipped rights."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec
import yaml

from auditwatch.cluster.client import Cluster
from auditwatch.events.activity import Gap
from auditwatch.events.audit import AuditRecord
from auditwatch.events.redaction import Redactor
from auditwatch.journal.journal import Journal
from auditwatch.k10.identity import K10Instance
from auditwatch.sources.k10stream.canary import Pace
from auditwatch.sources.k10stream.course import Intervals
from auditwatch.sources.k10stream.report import PodReport
from auditwatch.sources.k10stream.source import K10StreamSource
from tests.cluster.controlplane import ControlPlane
from tests.integration.following import DirectIntake

SECONDS = 180.0
NAMESPACE = ACCOUNT = "k10-auditwatch"
MANIFESTS = Path(__file__).parents[2] / "manifests"
QUICK = Intervals(pods=1.0, hole=4.0, farewell=2.0, position=0.0, forbidden=0.5, first_retry=0.2, last_retry=1.0)
BRISK = Pace(interval=2.0, lesson=1.2, deadline=60.0, tick=0.2)
HASTY = Pace(interval=1.0, lesson=1.2, deadline=0.8, tick=0.2)


def install_account(cluster: ControlPlane) -> None:
    """Namespace, account and shipped roles of the operator."""
    for name in ("namespace.yaml", "service-account.yaml", "rbac-k10.yaml", "rbac-multicluster.yaml"):
        cluster.apply((MANIFESTS / name).read_text())


def remove_stream_right(cluster: ControlPlane) -> None:
    cluster.kubectl("delete", "rolebinding", "k10-auditwatch-k10-stream", "--namespace=kasten-io")


def grant_stream_right(cluster: ControlPlane) -> None:
    """The one binding, without touching the others."""
    objects = [each for each in yaml.safe_load_all((MANIFESTS / "rbac-k10.yaml").read_text()) if each]
    [binding] = [
        each
        for each in objects
        if each["kind"] == "RoleBinding" and each["metadata"]["name"] == "k10-auditwatch-k10-stream"
    ]
    cluster.apply(yaml.safe_dump(binding))


@dataclass(frozen=True, slots=True)
class Streaming:
    """A source that runs, and what it has received so far."""

    journal: Journal
    source: K10StreamSource

    def events(self) -> list[AuditRecord]:
        return [one for one in self._received() if isinstance(one, AuditRecord)]

    def gaps(self) -> list[Gap]:
        return [one for one in self._received() if isinstance(one, Gap)]

    def _received(self) -> list[AuditRecord | Gap]:
        rows = self.journal.unsettled(limit=100_000)
        return [msgspec.json.decode(row.payload, type=AuditRecord | Gap) for row in rows]

    def named(self, verb: str, name: str) -> list[AuditRecord]:
        """Events about one object, by its name."""
        return [
            one
            for one in self.events()
            if one.event.verb == verb and one.event.object_ref is not None and one.event.object_ref.name == name
        ]

    def repeated(self) -> list[str]:
        """Audit ids with a stage that were recorded more than once."""
        seen = Counter(f"{one.event.audit_id} {one.event.stage}" for one in self.events())
        return [key for key, count in seen.items() if count > 1]

    def report(self) -> PodReport:
        [report] = self.source.report()
        return report

    async def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + SECONDS
        while not condition():
            assert time.monotonic() < deadline, (self.source.report(), self.gaps())
            await asyncio.sleep(0.05)

    async def until_state(self, state: str) -> None:
        await self.until(lambda: {report.state for report in self.source.report()} == {state})

    async def until_told(self, verb: str, *names: str) -> None:
        await self.until(lambda: all(self.named(verb, name) for name in names))


@asynccontextmanager
async def streaming(
    directory: Path, cluster: ControlPlane, *, pace: Pace = BRISK, k10: K10Instance | None = None
) -> AsyncIterator[Streaming]:
    """The source over the journal in ``directory``; leaving ends it without a word, like a crash."""
    journal = Journal.open(
        directory / "journal.db", clock=time.time, new_id=lambda: "journal-1", new_key=lambda: b"key"
    )
    kubeconfig = await asyncio.to_thread(cluster.service_account_kubeconfig, NAMESPACE, ACCOUNT)
    async with await Cluster.connect(kubeconfig=kubeconfig) as connection:
        source = K10StreamSource(
            cluster=connection,
            intake=DirectIntake(journal),
            redactor=Redactor(b"key"),
            cluster_name="cluster-1",
            k10=k10 or K10Instance(),
            clock=time.time,
            monotonic=time.monotonic,
            jitter=lambda: 0.5,
            new_nonce=lambda: uuid.uuid4().hex,
            pace=pace,
            intervals=QUICK,
        )
        task = asyncio.create_task(source.run())
        try:
            yield Streaming(journal, source)
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            journal.close()
