"""The whole way of one log: read by any number of processes, settled, matched and counted here, in its own order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from auditwatch.detection.audited import Circumstances, event_time
from auditwatch.detection.compiled import RuleSet
from auditwatch.detection.detector import Detector
from auditwatch.detection.needles import needles_of
from auditwatch.detection.signal import SEVERITIES, Severity
from auditwatch.detection.trust import AnyPod
from auditwatch.events.activity import Activity
from auditwatch.events.audit import AuditRecord
from auditwatch.events.decode import OUR_FAULT
from auditwatch.findings.folding import is_superseded
from auditwatch.findings.ledger import Ledger
from auditwatch.findings.policy import FindingPolicy
from auditwatch.findings.state import FindingState
from auditwatch.k10.view import InstalledK10
from auditwatch.scan.inputs import Input
from auditwatch.scan.ordering import in_order
from auditwatch.scan.pool import Read, Task, read_all
from auditwatch.scan.selecting import CLUSTER
from auditwatch.scan.settling import NAMESPACES_DELETED, Place, Settling
from auditwatch.scan.sight import LogSight, Seen
from auditwatch.scan.timing import Timed, Timing, is_without_time
from auditwatch.scan.troubles import Trouble, Troubles

FILE_DAMAGED = "FileDamaged"
"""What a file is counted as of which the rest cannot be read."""
JOURNAL = "scan"
"""Stands for the journal whose log sequences findings carry: here the number of the request in the scan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is scanned for, and how."""

    rule_sets: tuple[RuleSet, ...]
    k10: InstalledK10
    jobs: int = 1
    min_severity: Severity = "Low"
    now: float
    """When the scan began, seconds since the epoch."""
    key: bytes
    """Hides secrets; made anew for every scan."""


@dataclass(frozen=True, slots=True)
class Match:
    """One event for which rules hold. ``line``: physical, from 1; ``item``: events before it in its line."""

    file: str
    line: int
    item: int
    audit_id: str
    stage: str
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BySeverity:
    """Numbers of findings, the most severe first. ``least``: the severity from which on they are shown."""

    least: Severity
    shown: Mapping[Severity, int]
    below: Mapping[Severity, int]


@dataclass(slots=True)
class Figures:
    """How much there was."""

    files: int = 0
    size: int = 0
    """Bytes, uncompressed."""
    lines: int = 0
    selected: int = 0
    events: int = 0
    degraded: int = 0
    without_time: int = 0
    """Events whose own times cannot be read."""
    duplicates: int = 0
    unanswered: int = 0
    dry_runs: int = 0
    signals: int = 0
    first_time: float | None = None
    last_time: float | None = None
    trouble: dict[str, Trouble] = field(default_factory=dict)
    """By reason; what files look like that are no audit logs is told apart."""

    def note_time(self, time: float | None) -> None:
        """The time of one event; ``None`` where it has none of its own, which is no news of when the log is from."""
        if time is None:
            self.without_time += 1
            return
        self.first_time = time if self.first_time is None else min(time, self.first_time)
        self.last_time = time if self.last_time is None else max(time, self.last_time)


class Scan:
    """One scan. For one thread; used once."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._detector = Detector(*[rule_set.k10.completing() for rule_set in plan.rule_sets[:1]])
        self._ledger = Ledger(journal_id=JOURNAL, cluster=CLUSTER, clock=lambda: plan.now)
        for rule_set in plan.rule_sets:
            self._detector.install(rule_set, in_force_from={})
            self._ledger.configure(rule_set.watch, FindingPolicy(min_severity=plan.min_severity))
        self._match_rules = frozenset(
            name for rule_set in plan.rule_sets for name, rule in rule_set.rules.items() if rule.story is None
        )
        self._settling = Settling(Circumstances(k10=plan.k10, pods=AnyPod()))
        self._timing = Timing()
        self._sight = LogSight(plan.rule_sets)
        self._sequence = 0
        self._line = 0
        self.figures = Figures()
        self._troubles = Troubles(self.figures.trouble)

    def run(self, inputs: Sequence[Input], *, on_read: Callable[[Read], None] = lambda _read: None) -> Iterator[Match]:
        """Every match, in order of time (:mod:`auditwatch.scan.ordering`), while the logs are read; findings are
        complete when this ends.

        ``on_read`` is told of everything that was read. Raises :class:`auditwatch.scan.inputs.InputError`.
        """
        needles = needles_of(self._plan.rule_sets, also=[NAMESPACES_DELETED])
        task = Task(needles=needles, key=self._plan.key, received=self._plan.now)
        for read in read_all(in_order(inputs), task, jobs=self._plan.jobs):
            yield from self._take(read)
            on_read(read)
        yield from self._settled(self._timing.rest())
        self._troubles.end()
        for record, place in self._settling.rest():
            yield from self._judged(place, partial(self._settling.unanswered_one, record))
        self.figures.duplicates = self._settling.duplicates
        self.figures.unanswered = self._settling.unanswered
        self.figures.dry_runs = self._detector.dry_runs

    def findings(self) -> list[FindingState]:
        """What was found, at or above the least severity; the most severe first, then by time and name.

        What another finding tells of is left out, as a cluster would not be told of it either.
        """
        shown = [state for state in self._ledger.states() if state.shown and not is_superseded(state)]
        return sorted(shown, key=lambda state: (-_rank(state.severity), state.first_seen, state.name))

    def severities(self) -> BySeverity:
        """How many findings there are of each severity, shown and below the least one; the most severe first."""
        told = [state for state in self._ledger.states() if not is_superseded(state)]
        shown, below = (
            Counter(state.severity for state in told if state.shown is is_shown) for is_shown in (True, False)
        )
        most_severe_first = tuple(reversed(SEVERITIES))
        return BySeverity(
            least=self._plan.min_severity,
            shown={severity: shown[severity] for severity in most_severe_first},
            below={severity: below[severity] for severity in most_severe_first},
        )

    def all_findings(self) -> list[FindingState]:
        """The same with those below the least severity."""
        return list(self._ledger.states())

    def blind(self) -> tuple[Seen, ...]:
        """The rules this log could not feed, or not wholly."""
        return self._sight.seen()

    def _take(self, read: Read) -> Iterator[Match]:
        part, name = read.part, read.of.name
        self._troubles.look(part)
        for bad in part.bad:
            self._troubles.note(bad.reason, bad.problem, f"{name}:{self._line + bad.line + 1}")
        for found in part.found:
            place = name, self._line + found.line + 1, found.item
            yield from self._settled(self._timing.timed(found.record, place))
        self.figures.size += part.size
        self.figures.lines += part.lines
        self.figures.selected += part.selected
        self._line += part.lines
        if read.problem:
            self._troubles.note(FILE_DAMAGED, read.problem, f"{name}:{self._line + 1}")
        if read.is_last:
            self._troubles.end_of(read.of)
            yield from self._settled(self._timing.end_of_file())
            self._line = 0
            self.figures.files += 1

    def _settled(self, records: Iterator[Timed]) -> Iterator[Match]:
        for record, place in records:
            yield from self._judged(place, partial(self._settle, record, place))

    def _judged(self, place: Place, settle: Callable[[], Activity | None]) -> Iterator[Match]:
        """The match of what one record completes, if it is one. A defect it meets costs no other, and is told."""
        try:
            activity = settle()
            match = None if activity is None else self._observe(activity, place)
        except Exception as error:  # noqa: BLE001 - who can write one such record must not hide all others by it
            file, line, _ = place
            self._troubles.note(OUR_FAULT, f"{type(error).__name__}: {error}", f"{file}:{line}")
            return
        if match is not None:
            yield match

    def _settle(self, record: AuditRecord, place: Place) -> Activity | None:
        figures = self.figures
        time = event_time(record)
        figures.events += 1
        figures.degraded += bool(record.degraded)
        figures.note_time(None if is_without_time(record) else time)
        self._sight.note(record, time)
        return self._settling.settle(record, place)

    def _observe(self, activity: Activity, place: Place) -> Match | None:
        self._sequence += 1
        signals = self._detector.observe(self._sequence, activity)
        if not signals:
            return None
        self._ledger.apply(signals)
        self.figures.signals += len(signals)
        rules = tuple(dict.fromkeys(signal.rule for signal in signals if signal.rule in self._match_rules))
        event = activity.event if isinstance(activity.event, dict) else {}
        return Match(*place, str(event.get("auditID", "")), str(event.get("stage", "")), rules)


def _rank(severity: Severity) -> int:
    return SEVERITIES.index(severity)
