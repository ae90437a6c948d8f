"""What an operator is made of, put together once its cluster has a name: journal, engine, Lease, sources, overview."""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path

import structlog

from auditwatch.cluster.client import Cluster
from auditwatch.cluster.lease import LeaseHolder, LeaseTimes
from auditwatch.detection.detector import Detector
from auditwatch.events.redaction import Redactor
from auditwatch.findings.ledger import Ledger
from auditwatch.journal.journal import Journal
from auditwatch.k10.identity import K10Instance
from auditwatch.runtime.canaries import CANARY_NEEDLE, AuditCanaries
from auditwatch.runtime.enginethread import EngineThread, Opened
from auditwatch.runtime.following import Ground
from auditwatch.runtime.ingest import IngestThread
from auditwatch.runtime.needing import NeedlesInForce
from auditwatch.runtime.observing import Observing, Witness
from auditwatch.runtime.overview import Overview
from auditwatch.runtime.presets import RememberedPresets
from auditwatch.runtime.probes import LoopLag
from auditwatch.runtime.publishing import Publisher
from auditwatch.runtime.reading import Reading
from auditwatch.runtime.receiving import AuditPlan, proven_sources
from auditwatch.runtime.registry import Registry
from auditwatch.runtime.settings import Settings
from auditwatch.sources.webhook.plan import own_hosts

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """What the command line and the environment give."""

    settings: Settings
    namespace: str
    """The operator's own namespace."""
    kubeconfig: Path | None = None
    context: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """What there is before the cluster has a name."""

    cluster: Cluster
    registry: Registry
    publisher: Publisher
    lag: LoopLag
    engine_ended: Callable[[BaseException], None]
    sources_ended: Callable[[BaseException | None], None]


class Parts:
    """Raises :class:`JournalError` where the journal cannot be opened."""

    def __init__(self, launch: Launch, surface: Surface, cluster_name: str) -> None:
        self._launch = launch
        self._cluster_name = cluster_name
        sections = launch.settings.sources
        self.needles = NeedlesInForce([CANARY_NEEDLE])
        self.observing = Observing()
        self.canaries = AuditCanaries(proven_sources(sections), cluster=cluster_name)
        self.witness = Witness(self.canaries, self.observing)
        self.engine = self._new_engine(surface)
        opened = self.engine.start()
        log.info("journal open", path=str(self._journal_path), journal=opened.journal_id, new=opened.is_new)
        self._previous_alive = opened.previous_alive
        self.lease = self._new_lease(surface.cluster, f"auditwatch-{opened.journal_id}")
        ground = self._ground(opened)
        self.ingest = IngestThread(
            ground, self._audit_plan(), self.engine, sections=sections, ended=surface.sources_ended
        )
        self.overview = Overview(
            settings=launch.settings,
            namespace=launch.namespace,
            registry=surface.registry,
            engine=self.engine,
            ingest=self.ingest,
            publisher=surface.publisher,
            lease=self.lease,
            lag=surface.lag,
            canaries=self.canaries,
            observing=self.observing,
            needles=self.needles,
        )

    def reading(self, instances: Sequence[K10Instance]) -> Reading:
        """What audit events are read with while these K10s are there."""
        settings = self._launch.settings
        down = 0.0 if self._previous_alive is None else time.time() - self._previous_alive
        return Reading(
            instances,
            cluster=self._cluster_name,
            trusted_proxies=[ip_network(each, strict=False) for each in settings.trusted_proxies],
            rule_sets=self.needles.rule_sets,
            joinable=max(down, float(settings.state.poll_seconds)),
        )

    @property
    def _journal_path(self) -> Path:
        return self._launch.settings.journal.path

    def _new_engine(self, surface: Surface) -> EngineThread:
        journal, name = self._launch.settings.journal, self._cluster_name
        presets = RememberedPresets()
        return EngineThread(
            lambda: presets.use(
                Journal.open(
                    journal.path,
                    clock=time.time,
                    new_id=lambda: uuid.uuid4().hex,
                    new_key=lambda: secrets.token_bytes(32),
                    limit_bytes=journal.limit_bytes,
                )
            ),
            Detector(presets.completed),
            lambda opened: Ledger(journal_id=opened.id, cluster=name),
            cluster=name,
            clock=time.time,
            on_dirty=surface.publisher.notify,
            own=self.witness,
            ended=surface.engine_ended,
        )

    def _new_lease(self, cluster: Cluster, identity: str) -> LeaseHolder:
        lease = self._launch.settings.lease
        return LeaseHolder(
            cluster,
            namespace=self._launch.namespace,
            name=lease.name,
            identity=identity,
            clock=time.monotonic,
            wall=lambda: datetime.now(UTC),
            times=LeaseTimes.of(lease.duration_seconds),
        )

    def _ground(self, opened: Opened) -> Ground:
        return Ground(
            kubeconfig=self._launch.kubeconfig,
            context=self._launch.context,
            cluster_name=self._cluster_name,
            redactor=Redactor(opened.journal_key),
            intake=self.engine,
            new_nonce=lambda: secrets.token_hex(16),
        )

    def _audit_plan(self) -> AuditPlan:
        return AuditPlan(
            sections=self._launch.settings.sources,
            needles=self.needles,
            canaries=self.canaries,
            observing=self.observing,
            witness=self.witness,
            made=self._journal_path.parent / "webhook",
            own_hosts=own_hosts(self._launch.namespace),
        )
