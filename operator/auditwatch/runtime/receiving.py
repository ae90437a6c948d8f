"""The sources of the API server's audit log: webhooks that listen, files that are read, and requests that prove them.

They do not depend on which K10s there are. One that cannot start is told of and tried again, and holds up nothing else.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from auditwatch.cluster.client import Cluster
from auditwatch.cluster.configmaps import ConfigMapKeeper
from auditwatch.cluster.token_review import ClusterTokenReviewer
from auditwatch.k10.identity import K10Instance
from auditwatch.runtime.canaries import AuditCanaries, Proven
from auditwatch.runtime.enginethread import EngineThread
from auditwatch.runtime.following import Ground
from auditwatch.runtime.needing import NeedlesInForce
from auditwatch.runtime.observing import Observing, Witness
from auditwatch.runtime.proving import AuditProver
from auditwatch.runtime.sourcesections import FileSection, SourceSection
from auditwatch.runtime.webhooksection import WebhookSection
from auditwatch.sources.file.habits import Habits
from auditwatch.sources.file.report import FileReport
from auditwatch.sources.file.source import FilePlan, FileSource
from auditwatch.sources.webhook.certificates import SelfMadeError
from auditwatch.sources.webhook.plan import UnsafePlanError
from auditwatch.sources.webhook.report import WebhookReport
from auditwatch.sources.webhook.source import WebhookSource
from auditwatch.sources.webhook.tls import TLSFilesError

FILE_DEADLINE_SECONDS = 20.0
WEBHOOK_DEADLINE_SECONDS = 75.0
"""Longer than the 30 s that kube-apiserver gathers a batch for by default, and one failed attempt."""
RETRY_SECONDS = 10.0
SERIAL_BITS = 159

log = structlog.get_logger()


def proven_sources(sections: Sequence[SourceSection]) -> list[Proven]:
    """The audit sources among the installed ones, as they are proven alive."""
    return [
        Proven(source=each.name, deadline=FILE_DEADLINE_SECONDS, survives_downtime=True)
        if isinstance(each, FileSection)
        else Proven(source=each.name, deadline=WEBHOOK_DEADLINE_SECONDS, survives_downtime=False)
        for each in sections
        if isinstance(each, FileSection | WebhookSection)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPlan:
    """What the audit sources are made of. ``made``: directory for self-made certificates."""

    sections: Sequence[SourceSection]
    needles: NeedlesInForce
    canaries: AuditCanaries
    observing: Observing
    witness: Witness
    made: Path
    own_hosts: tuple[str, ...]


@dataclass(slots=True)
class _Door:
    """A webhook source, and why it does not listen."""

    source: WebhookSource
    problem: str = ""


class Receiving:
    """``start`` threads, ``run`` in an event loop until cancelled, ``stop`` the threads; reports from any thread."""

    def __init__(
        self,
        plan: AuditPlan,
        ground: Ground,
        engine: EngineThread,
        *,
        instances: Callable[[], Sequence[K10Instance]],
        ended: Callable[[BaseException], None],
    ) -> None:
        self._plan = plan
        self._ground = ground
        self._instances = instances
        self._doors: dict[str, _Door] = {}
        self._files = [
            FileSource(
                FilePlan(
                    name=each.name,
                    cluster=ground.cluster_name,
                    instance=each.instance,
                    path=each.path,
                    habits=Habits(start=each.start),
                ),
                deliver=engine.deliver,
                redactor=ground.redactor,
                needles=plan.needles,
                clock=time.time,
                monotonic=time.monotonic,
                ended=ended,
                seen=plan.witness.sees,
            )
            for each in plan.sections
            if isinstance(each, FileSection)
        ]

    def start(self) -> None:
        """Begin to read the files."""
        for source in self._files:
            source.start()

    async def run(self) -> None:
        """Listen, and send the requests that prove every source alive."""
        sections = [each for each in self._plan.sections if isinstance(each, WebhookSection)]
        ground = self._ground
        connected = await Cluster.connect(kubeconfig=ground.kubeconfig, context=ground.context)
        async with connected as cluster, asyncio.TaskGroup() as group:
            for section in sections:
                group.create_task(self._listen(section, cluster))
            group.create_task(self._prover(cluster).run())

    def stop(self) -> None:
        """End the reading; what is not committed is read again."""
        for source in self._files:
            source.stop()

    def files(self) -> list[FileReport]:
        """One report per file."""
        return [source.report() for source in self._files]

    def senders(self) -> list[WebhookReport]:
        """One report per instance of every webhook; of one that does not listen, its problem."""
        return [report for name, door in self._doors.items() for report in _reports(name, door)]

    def _prover(self, cluster: Cluster) -> AuditProver:
        return AuditProver(
            self._plan.canaries,
            self._plan.observing,
            cluster=cluster,
            intake=self._ground.intake,
            instances=self._instances,
            clock=time.time,
            monotonic=time.monotonic,
            new_nonce=self._ground.new_nonce,
        )

    async def _listen(self, section: WebhookSection, cluster: Cluster) -> None:
        """Listen until cancelled; where that is impossible, try again."""
        problem = ""
        while True:
            door = self._doors[section.name] = _Door(self._new_webhook(section, cluster), problem)
            try:
                await self._serve(door)
            except (OSError, UnsafePlanError, TLSFilesError, SelfMadeError) as error:
                door.problem = problem = f"does not listen: {error}"
                log.warning("webhook does not listen", source=section.name, reason=problem)
                await asyncio.sleep(RETRY_SECONDS)

    async def _serve(self, door: _Door) -> None:
        try:
            await door.source.start()
            door.problem = ""
            await asyncio.Event().wait()  # until cancelled
        finally:
            await door.source.stop()

    def _new_webhook(self, section: WebhookSection, cluster: Cluster) -> WebhookSource:
        plan = self._plan
        return WebhookSource(
            section.plan(cluster=self._ground.cluster_name, made=plan.made, own_hosts=plan.own_hosts),
            intake=self._ground.intake,
            redactor=self._ground.redactor,
            needles=plan.needles,
            reviewer=ClusterTokenReviewer(cluster),
            clock=time.time,
            monotonic=time.monotonic,
            config_maps=ConfigMapKeeper(cluster),
            serial=lambda: secrets.randbits(SERIAL_BITS) | 1,
            seen=plan.witness.sees,
        )


def _reports(name: str, door: _Door) -> list[WebhookReport]:
    if door.problem:
        return [WebhookReport(source=name, instance="", state="Refusing", message=door.problem)]
    return door.source.report()
