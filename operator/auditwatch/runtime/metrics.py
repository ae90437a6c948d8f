"""What Prometheus is told: read from the rooms' own figures at the moment of the scrape, never counted twice.

No label ever holds a user, an address or an object's name. Names and labels: docs/reference/metrics.md.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from auditwatch import __version__
from auditwatch.runtime.figures import EngineFigures
from auditwatch.runtime.status import LEVELS


@dataclass(frozen=True, slots=True, kw_only=True)
class KindFigures:
    """One watched kind: ``group/resource``, its state, objects known and the age of its last proof of life."""

    kind: str
    state: str
    objects: int
    silent_seconds: float | None
    unreadable: int = 0
    """Objects of which not even the name could be read, since the start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFigures:
    """One instance of one audit source (an API server's file, a sender, a pod of K10); counts since the start."""

    source: str
    instance: str
    state: str
    silent_seconds: float | None
    read: int
    selected: int
    undecodable: Mapping[str, int]
    """By reason."""
    refused: Mapping[str, int]
    """Requests that were not taken, by reason."""
    gaps: Mapping[str, int]
    """Stretches that are or may be lost, by reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Writes:
    """What was written to the API server since the start."""

    findings: int = 0
    """Findings created or brought up to date."""
    rewritten: int = 0
    """Findings in which somebody else had written what is ours to say, written anew."""
    events_sent: int = 0
    events_dropped: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorFigures:
    """One moment of the whole operator."""

    engine: EngineFigures
    kinds: Sequence[KindFigures] = ()
    audit: Sequence[AuditFigures] = ()
    visibility: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Watch → visibility level → rules."""
    findings: Mapping[tuple[str, str, str], int] = field(default_factory=dict)
    """(watch, rule, severity) → findings that have an object."""
    unknown_outcomes: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """(watch, rule) → times a rule could not be decided for want of facts."""
    folded: int = 0
    """Signals counted into a roll-up because their rule met its cap."""
    duplicates: int = 0
    """Signals passed over because they were counted before."""
    backlog: int = 0
    refused: Mapping[str, int] = field(default_factory=dict)
    """Watch → findings that the API server will not take as they are."""
    given_up: int = 0
    """Of those, dropped since the start, for there were too many."""
    writes: Writes = Writes()
    loop_lag_seconds: float = 0.0
    leads: bool = False
    default_watch_missing: bool = False


class OperatorCollector(Collector):
    """Turns figures into metric families at each scrape."""

    def __init__(self, figures: Callable[[], OperatorFigures]) -> None:
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        """Every family, from one moment."""
        now = self._figures()
        yield _gauge(
            "auditwatch_build_info",
            "Version of this program.",
            {(__version__, platform.python_version()): 1},
            ("version", "python"),
        )
        yield _gauge("auditwatch_leader", "1 while this process holds the Lease.", {(): int(now.leads)})
        yield _gauge("auditwatch_event_loop_lag_seconds", "How late the main loop runs.", {(): now.loop_lag_seconds})
        yield from _engine(now.engine)
        yield from _kinds(now.kinds)
        yield from _audit(now.audit)
        yield from _detection(now)
        yield from _writes(now)


def registry_of(figures: Callable[[], OperatorFigures]) -> CollectorRegistry:
    """A registry of its own, so that several operators can live in one process."""
    registry = CollectorRegistry()
    registry.register(OperatorCollector(figures))
    return registry


def _engine(engine: EngineFigures) -> Iterator[Metric]:
    yield _gauge("auditwatch_engine_healthy", "1 while the journal can be committed to.", {(): int(engine.is_healthy)})
    yield _gauge("auditwatch_queue_bytes", "Bytes waiting for a commit.", {(): engine.queue_bytes})
    yield _gauge("auditwatch_log_backlog_rows", "Log rows not yet matched.", {(): engine.backlog})
    yield _gauge("auditwatch_joiner_held", "Requests and changes that wait to be joined.", {(): engine.held})
    yield _counter("auditwatch_joiner_overruns", "Times too much waited, so that nothing could.", {(): engine.overruns})
    yield _gauge("auditwatch_journal_bytes", "Bytes the journal uses.", {(): engine.used_bytes})
    yield _gauge("auditwatch_journal_limit_bytes", "Bytes the journal may use.", {(): engine.limit_bytes})
    yield _gauge("auditwatch_journal_full", "1 while senders are refused for want of room.", {(): int(engine.is_full)})
    yield _counter("auditwatch_deliveries", "Deliveries taken in from sources.", {(): engine.deliveries})
    yield _counter("auditwatch_deliveries_refused", "Deliveries a full journal refused.", {(): engine.refused})
    yield _counter("auditwatch_queue_waits", "Deliveries that found the queue full.", {(): engine.queue_waiting})
    yield _counter(
        "auditwatch_log_rows_pruned", "Rows of the log removed after they were matched.", {(): engine.pruned}
    )
    yield _counter("auditwatch_commits", "Transactions that reached the disk.", {(): engine.commits})
    yield _counter(
        "auditwatch_engine_problems",
        "Rows passed over because our own code failed on them.",
        {(doing,): count for doing, count in engine.problems.items()},
        ("doing",),
    )


def _kinds(kinds: Sequence[KindFigures]) -> Iterator[Metric]:
    yield _gauge(
        "auditwatch_kind_objects",
        "Objects known of a watched kind.",
        {(kind.kind,): kind.objects for kind in kinds},
        ("kind",),
    )
    yield _gauge(
        "auditwatch_kind_state",
        "1 for the state a watched kind is in.",
        {(kind.kind, kind.state): 1 for kind in kinds},
        ("kind", "state"),
    )
    yield _gauge(
        "auditwatch_kind_silent_seconds",
        "Seconds since the last proof of life of a watched kind.",
        {(kind.kind,): kind.silent_seconds for kind in kinds if kind.silent_seconds is not None},
        ("kind",),
    )
    yield _counter(
        "auditwatch_kind_unreadable_objects",
        "Objects of a watched kind of which not even the name could be read.",
        {(kind.kind,): kind.unreadable for kind in kinds},
        ("kind",),
    )


def _audit(figures: Sequence[AuditFigures]) -> Iterator[Metric]:
    named = ("source", "instance")
    yield _gauge(
        "auditwatch_audit_source_state",
        "1 for the state an instance of an audit source is in.",
        {(each.source, each.instance, each.state): 1 for each in figures},
        (*named, "state"),
    )
    yield _gauge(
        "auditwatch_audit_source_silent_seconds",
        "Seconds since the last proof of life of an instance of an audit source.",
        {(each.source, each.instance): each.silent_seconds for each in figures if each.silent_seconds is not None},
        named,
    )
    yield _counter(
        "auditwatch_audit_events_read",
        "Audit events read or received, before any choice.",
        {(each.source, each.instance): each.read for each in figures},
        named,
    )
    yield _counter(
        "auditwatch_audit_events_selected",
        "Audit events that some rule may care about.",
        {(each.source, each.instance): each.selected for each in figures},
        named,
    )
    yield from _reasons("undecodable", "Items that could not be read as an audit event.", figures)
    yield from _reasons("refused", "Requests that were not taken.", figures)
    yield from _reasons("gaps", "Stretches of activity that are or may be lost.", figures)


def _reasons(
    name: Literal["undecodable", "refused", "gaps"], text: str, figures: Sequence[AuditFigures]
) -> Iterator[Metric]:
    counts: dict[tuple[str, str, str], float] = {}
    for each in figures:
        told: Mapping[str, int] = getattr(each, name)
        counts |= {(each.source, each.instance, reason): count for reason, count in told.items()}
    yield _counter(f"auditwatch_audit_{name}", text, counts, ("source", "instance", "reason"))


def _detection(now: OperatorFigures) -> Iterator[Metric]:
    yield _gauge(
        "auditwatch_default_watch_missing",
        "1 while the AuditWatch that the installer's configuration asks for is not there.",
        {(): int(now.default_watch_missing)},
    )
    yield _gauge(
        "auditwatch_rules",
        "Rules of a watch by how much they see.",
        {(watch, level): levels.get(level, 0) for watch, levels in now.visibility.items() for level in LEVELS},
        ("watch", "visibility"),
    )
    yield _gauge("auditwatch_findings", "Findings known to this operator.", now.findings, ("watch", "rule", "severity"))
    yield _counter(
        "auditwatch_rule_unknown_outcomes",
        "Times a rule could not be decided for want of facts.",
        now.unknown_outcomes,
        ("watch", "rule"),
    )
    yield _counter("auditwatch_signals_folded", "Signals folded into a roll-up by a cap.", {(): now.folded})
    yield _counter("auditwatch_signals_known", "Signals that were counted before.", {(): now.duplicates})


def _writes(now: OperatorFigures) -> Iterator[Metric]:
    yield _gauge("auditwatch_findings_backlog", "Findings waiting to be written.", {(): now.backlog})
    yield _gauge(
        "auditwatch_findings_refused",
        "Findings the API server refuses.",
        {(watch,): count for watch, count in now.refused.items()},
        ("watch",),
    )
    yield _counter("auditwatch_findings_given_up", "Refused findings dropped, being too many.", {(): now.given_up})
    yield _counter("auditwatch_findings_written", "Findings created or brought up to date.", {(): now.writes.findings})
    yield _counter(
        "auditwatch_findings_rewritten", "Findings that others rewrote, written anew.", {(): now.writes.rewritten}
    )
    yield _counter("auditwatch_events_sent", "API calls for Kubernetes Events.", {(): now.writes.events_sent})
    yield _counter(
        "auditwatch_events_dropped",
        "Kubernetes Events dropped by the rate limit; the findings stand.",
        {(): now.writes.events_dropped},
    )


Values = Mapping[Any, float]
"""By label values, a tuple as long as the family has labels."""


def _gauge(name: str, text: str, values: Values, labels: Sequence[str] = ()) -> Metric:
    family = GaugeMetricFamily(name, text, labels=labels)
    for key, value in values.items():
        family.add_metric(key, value)
    return family


def _counter(name: str, text: str, values: Values, labels: Sequence[str] = ()) -> Metric:
    family = CounterMetricFamily(name, text, labels=labels)
    for key, value in values.items():
        family.add_metric(key, value)
    return family
