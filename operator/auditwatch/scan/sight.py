"""What a log can feed: the levels at which it was seen to log what, and the rules that therefore stay blind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from auditwatch.detection.compiled import RuleSet
from auditwatch.detection.observed import AuditSight, ObservedLevels
from auditwatch.detection.sight import SourcesView, Visibility
from auditwatch.detection.visibility import rule_set_visibility
from auditwatch.events.audit import AuditRecord


@dataclass(frozen=True, slots=True)
class Seen:
    """How much one rule could see."""

    rule: str
    pack: str
    visibility: Visibility


class LogSight:
    """Takes note of what a log shows. A log proves nothing about what nobody did while it was written."""

    def __init__(self, rule_sets: Iterable[RuleSet]) -> None:
        self._rule_sets = tuple(rule_sets)
        self._observed = ObservedLevels(kind for rule_set in self._rule_sets for kind in rule_set.kinds)
        self._latest = 0.0

    def note(self, record: AuditRecord, time: float) -> None:
        """One event that was read."""
        self._latest = max(self._latest, time)
        self._observed.note(record.event, time)

    def seen(self) -> tuple[Seen, ...]:
        """Every rule that sees less than all, by name."""
        sources = SourcesView(
            audits=(AuditSight(name="this log", observed=self._observed, now=self._latest, is_past=True),)
        )
        return tuple(sorted(self._less(sources), key=lambda each: (each.rule, each.pack)))

    def _less(self, sources: SourcesView) -> Iterator[Seen]:
        for rule_set in self._rule_sets:
            for name, visibility in rule_set_visibility(rule_set, sources).items():
                if visibility.level != "Full":
                    rule = rule_set.rules.get(name)
                    yield Seen(name, rule.pack if rule else "", visibility)
