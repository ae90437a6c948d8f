"""Everything that follows the K10s there are, as one piece of work: watch loops, and K10's own streams of events.

It is ended and begun anew when K10 is found, moved or gone; each source goes on from its marks in the journal.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from auditwatch.cluster.client import Cluster
from auditwatch.events.audit import AuditRecord
from auditwatch.events.redaction import Redactor
from auditwatch.journal.delivery import Intake
from auditwatch.k10.identity import K10Instance
from auditwatch.runtime.sourcesections import K10StreamSection, StateSection
from auditwatch.sources.k10stream.report import PodReport
from auditwatch.sources.k10stream.source import K10StreamSource
from auditwatch.sources.state.course import Intervals
from auditwatch.sources.state.report import KindReport
from auditwatch.sources.state.source import StateSource
from auditwatch.sources.state.streams import streams_of

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What every source of a cluster stands on."""

    kubeconfig: Path | None
    context: str | None
    cluster_name: str
    redactor: Redactor
    intake: Intake
    new_nonce: Callable[[], str]


class Following:
    """``run`` until cancelled; reports from any thread."""

    def __init__(
        self,
        ground: Ground,
        instances: Sequence[K10Instance],
        *,
        state: StateSection,
        streams: Sequence[K10StreamSection],
    ) -> None:
        self.instances = tuple(instances)
        self._ground = ground
        self._state_section = state
        self._stream_sections = tuple(streams)
        self._state: StateSource | None = None
        self._streams: tuple[K10StreamSource, ...] = ()

    async def run(self) -> None:
        """Connect and follow."""
        ground = self._ground
        async with await Cluster.connect(kubeconfig=ground.kubeconfig, context=ground.context) as cluster:
            self._state = self._new_state(cluster)
            self._streams = tuple(
                self._new_stream(cluster, section, instance)
                for section in self._stream_sections
                for instance in self.instances
            )
            log.info("following", k10s=[instance.namespace for instance in self.instances])
            async with asyncio.TaskGroup() as group:
                group.create_task(self._state.run())
                for stream in self._streams:
                    group.create_task(stream.run())

    def kinds(self) -> list[KindReport]:
        """One report per watched kind; empty before the first list."""
        return self._state.report() if self._state else []

    def pods(self) -> dict[str, list[PodReport]]:
        """By source, one report per pod of K10 whose log is followed."""
        found: dict[str, list[PodReport]] = {section.name: [] for section in self._stream_sections}
        for stream in self._streams:
            found[stream.name] += stream.report()
        return found

    def is_ours(self, record: AuditRecord) -> bool:
        """Whether a record is one of the requests by which a stream proves that it is alive."""
        return any(stream.is_canary(record) for stream in self._streams)

    def _new_state(self, cluster: Cluster) -> StateSource:
        poll = self._state_section.poll_seconds
        return StateSource(
            cluster=cluster,
            intake=self._ground.intake,
            redactor=self._ground.redactor,
            streams=streams_of(self._ground.cluster_name, self.instances),
            clock=time.time,
            jitter=random.random,
            intervals=Intervals(poll=poll, silence=2 * poll),
        )

    def _new_stream(self, cluster: Cluster, section: K10StreamSection, k10: K10Instance) -> K10StreamSource:
        return K10StreamSource(
            cluster=cluster,
            intake=self._ground.intake,
            redactor=self._ground.redactor,
            cluster_name=self._ground.cluster_name,
            k10=k10,
            clock=time.time,
            monotonic=time.monotonic,
            jitter=random.random,
            new_nonce=self._ground.new_nonce,
            name=section.name,
        )
