"""One place that knows how everything is: asked by the probes, by Prometheus, and by the status of each watch."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from auditwatch.cluster.lease import LeaseHolder
from auditwatch.detection.compiled import RuleSet
from auditwatch.detection.visibility import Visibility, rule_set_visibility
from auditwatch.events.activity import Evidence
from auditwatch.journal.errors import JournalError
from auditwatch.k10.kinds import kinds_of
from auditwatch.runtime.auditsight import audit_figures, audit_sources, silence_of
from auditwatch.runtime.canaries import AuditCanaries
from auditwatch.runtime.enginethread import EngineThread
from auditwatch.runtime.ingest import IngestThread
from auditwatch.runtime.intake import EngineStoppedError
from auditwatch.runtime.metrics import OperatorFigures
from auditwatch.runtime.needing import NeedlesInForce
from auditwatch.runtime.observing import Observing
from auditwatch.runtime.pending import digests_of, pending
from auditwatch.runtime.probes import LAG_LIMIT_SECONDS, LoopLag
from auditwatch.runtime.publishing import Publisher
from auditwatch.runtime.registry import Registry, WatchEntry
from auditwatch.runtime.settings import Settings
from auditwatch.runtime.sight import kind_figures, levels, sources_view, state_figures
from auditwatch.runtime.status import Figures, RuleFigures, SourceFigures, watch_status
from auditwatch.runtime.tally import RuleTally, Tally, tally_of

_EVIDENCE: Mapping[str, Evidence] = {"File": "Audited", "Webhook": "Audited", "K10Stream": "K10Stream"}
"""What the sources of each type tell."""


class Overview:
    """Belongs to the main loop; ``figures`` may be called from any thread."""

    def __init__(
        self,
        *,
        settings: Settings,
        namespace: str,
        registry: Registry,
        engine: EngineThread,
        ingest: IngestThread,
        publisher: Publisher,
        lease: LeaseHolder,
        lag: LoopLag,
        canaries: AuditCanaries,
        observing: Observing,
        needles: NeedlesInForce,
    ) -> None:
        self._needles = needles
        self._settings = settings
        self._namespace = namespace
        self._registry = registry
        self._engine = engine
        self._ingest = ingest
        self._publisher = publisher
        self._lease = lease
        self._lag = lag
        self._canaries = canaries
        self._observing = observing
        self._tally = Tally()

    async def refresh(self) -> None:
        """Count the findings anew, and observe the kinds that rules ask about now.

        An engine that cannot answer leaves the last count.
        """
        rule_sets = [self._registry.guard, *(entry.rule_set for entry in self._registry.entries())]
        self._observing.ask(
            [rule_set for rule_set in rule_sets if rule_set is not None],
            [(kind.group, kind.resource) for instance in self._ingest.instances for kind in kinds_of(instance)],
        )
        try:
            self._tally = await asyncio.wrap_future(self._engine.call(tally_of))
        except (EngineStoppedError, JournalError):
            return

    # Probes

    def health(self) -> Mapping[str, str]:
        """What a restart would mend."""
        engine = self._engine.figures()
        late = self._lag.seconds > LAG_LIMIT_SECONDS
        return {
            "engine": "" if engine.is_alive else "the engine thread has ended",
            "event-loop": f"late by {self._lag.seconds:.1f} s" if late else "",
        }

    def readiness(self, reason: str) -> Mapping[str, str]:
        """Whether it does its work: it leads, and what it sees is committed."""
        engine = self._engine.figures()
        return {
            "started": reason,
            "lease": "" if self._lease.held else f"held by {self._lease.holder or 'nobody'}",
            "journal": "" if engine.is_healthy else engine.error or "not open yet",
        }

    # Metrics

    def figures(self) -> OperatorFigures:
        """Everything Prometheus asks for."""
        reports = self._ingest.reports()
        return OperatorFigures(
            engine=self._engine.figures(),
            kinds=kind_figures(reports.kinds, instances=self._ingest.instances),
            audit=audit_figures(reports, self._canaries, now=time.time()),
            visibility={watch: levels(seen) for watch, seen in self._all_visibility()},
            findings=self._tally.objects,
            unknown_outcomes=self._tally.unknown_outcomes,
            folded=self._tally.folded,
            duplicates=self._tally.duplicates,
            backlog=self._publisher.backlog().findings,
            refused=self._publisher.refused_counts(),
            given_up=self._tally.given_up,
            writes=self._publisher.writes(),
            loop_lag_seconds=self._lag.seconds,
            leads=self._lease.held,
            default_watch_missing=self._misses_default_watch(),
        )

    def _all_visibility(self) -> Iterator[tuple[str, Mapping[str, Visibility]]]:
        for entry in self._registry.entries():
            yield entry.key, self._visibility(entry.rule_set, entry.spec.sources)
        if (guard := self._registry.guard) is not None:
            yield guard.watch, self._visibility(guard, ("*",))

    def _misses_default_watch(self) -> bool:
        wanted = self._settings.default_watch
        known = {entry.key for entry in self._registry.entries()}
        return wanted is not None and f"{self._namespace}/{wanted.name}" not in known

    # Status

    def status_of(self, entry: WatchEntry) -> Mapping[str, Any]:
        """The status of one watch, now."""
        now, backlog, refused = time.time(), self._publisher.backlog(), self._publisher.refused(entry.key)
        figures = Figures(
            sources=self._sources(entry.spec.sources, now=now),
            rules=self._rules(entry),
            finding_count=self._tally.findings_of(entry.key),
            durable=self._settings.journal.durable,
            backlog=backlog.findings,
            backlog_since=now - backlog.waiting_seconds if backlog.findings else None,
            refused=refused.findings,
            refused_seconds=refused.seconds,
            refusal=refused.why,
        )
        return watch_status(entry, figures, now=now)

    def _sources(self, wanted: Sequence[str], *, now: float) -> list[SourceFigures]:
        reports, instances = self._ingest.reports(), self._ingest.instances
        optional = frozenset(kind.key for instance in instances for kind in kinds_of(instance) if kind.optional)
        figures = [
            state_figures(self._settings.state.name, reports.kinds, instances=instances, optional=optional, now=now),
            *audit_sources(reports, self._canaries, now=now),
        ]
        return [each for each in figures if "*" in wanted or each.name in wanted]

    def _rules(self, entry: WatchEntry) -> list[RuleFigures]:
        invalid = {
            name: Visibility("Blind", "InvalidRule", "see the condition Accepted") for name in entry.invalid_rules
        }
        seen = invalid | dict(self._visibility(entry.rule_set, entry.spec.sources))
        return [self._rule(entry, name, each) for name, each in sorted(seen.items())]

    def _rule(self, entry: WatchEntry, name: str, seen: Visibility) -> RuleFigures:
        rule = entry.rule_set.rules.get(name) if entry.rule_set else None
        told = self._tally.rules.get((entry.key, name), RuleTally())
        return RuleFigures(
            name=name,
            severity=rule.severity if rule else "",
            visibility=seen.level,
            reason=seen.reason,
            message=seen.message,
            last_match=told.last_match,
            matches=told.matches,
        )

    def _visibility(self, rule_set: RuleSet | None, wanted: Sequence[str]) -> Mapping[str, Visibility]:
        if rule_set is None:
            return {}
        now = time.time()
        view = sources_view(self._ingest.reports().kinds, instances=self._ingest.instances, now=now)
        audits = tuple(
            self._observing.sight(each.name, _EVIDENCE[each.type], silence=silence_of(each), now=now)
            for each in self._sources(wanted, now=now)
            if each.type in _EVIDENCE
        )
        seen = rule_set_visibility(rule_set, replace(view, audits=audits))
        return pending(rule_set, seen, digests_of(self._ingest.reports(), now=now), self._needles.are_known)
