"""Rule sets in force now, and those that were in force a short while ago.

The record of a request comes seconds or minutes after it. If what happened before an AuditWatch was changed were judged
by what it says since, whoever may change it could take back what they have just done: put themselves on a list, and
what is still on its way is excepted. So what a change took out of force is asked about whatever happened before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from auditwatch.detection.compiled import CompiledRule, RuleSet
from auditwatch.detection.index import Index
from auditwatch.events.activity import Activity

MAX_FORMERS: Final = 8
"""Kept of one watch. Of more the newest are given up: what held before the first of many changes is what matters."""


@dataclass(frozen=True, slots=True)
class InForce:
    """A rule set with what the detector looks up per row."""

    rule_set: RuleSet
    index: Index[CompiledRule]
    stories: tuple[CompiledRule, ...]
    since: Mapping[str, int]
    """By rule digest, the log sequence above which the rule holds."""

    @classmethod
    def of(cls, rule_set: RuleSet, since: Mapping[str, int]) -> InForce:
        """A digest that is not in ``since`` holds for every row."""
        rules = rule_set.rules.values()
        stories = tuple(rule for rule in rules if rule.story is not None)
        return cls(rule_set, Index(rule for rule in rules if rule.story is None), stories, dict(since))

    @property
    def tells_gaps(self) -> bool:
        """Whether it tells what nobody saw: no tenant may know what happens elsewhere."""
        return self.rule_set.tells_gaps and self.rule_set.tenant is None

    def is_due(self, rule: CompiledRule, sequence: int) -> bool:
        """Whether the rule was in force when the row of this sequence was written."""
        return sequence > self.since.get(rule.digest, -1)

    def is_past(self, row: Activity) -> bool:
        """Whether it happened before there was the watch, and is only told of now: a log is older than who reads it."""
        return row.time < self.rule_set.since

    def differs(self, rule_set: RuleSet) -> bool:
        """Whether another one says anything else."""
        return (self.rule_set.digest, self.rule_set.k10) != (rule_set.digest, rule_set.k10)

    def has(self, story: CompiledRule) -> bool:
        """Whether the same story is in force here."""
        known = self.rule_set.rules.get(story.name)
        return known is not None and known.digest == story.digest


@dataclass(frozen=True, slots=True)
class Former:
    """What was in force until event time ``until``, seconds since the epoch."""

    in_force: InForce
    until: float


class Formers:
    """By watch, rising by when they ended."""

    def __init__(self) -> None:
        self._by_watch: dict[str, list[Former]] = {}

    def keep(self, in_force: InForce, *, until: float) -> None:
        """Remember what is in force no longer."""
        kept = self._by_watch.setdefault(in_force.rule_set.watch, [])
        if len(kept) < MAX_FORMERS:
            kept.append(Former(in_force, max([until, *(each.until for each in kept)])))

    def at(self, watch: str, time: float) -> InForce | None:
        """What was in force at an event time, where something else is since."""
        kept = self._by_watch.get(watch, ())
        return next((each.in_force for each in kept if time < each.until), None)

    def of(self, watch: str) -> Iterator[RuleSet]:
        """All that are kept of one watch."""
        return (each.in_force.rule_set for each in self._by_watch.get(watch, ()))

    def watches(self) -> frozenset[str]:
        """``namespace/name`` of every watch of which one is kept."""
        return frozenset(self._by_watch)

    def end(self, *, before: float) -> frozenset[str]:
        """Forget those that ended before this event time; the watches that had one."""
        ended = {watch for watch, kept in self._by_watch.items() if any(each.until < before for each in kept)}
        for watch in ended:
            left = [each for each in self._by_watch.pop(watch) if each.until >= before]
            if left:
                self._by_watch[watch] = left
        return frozenset(ended)
