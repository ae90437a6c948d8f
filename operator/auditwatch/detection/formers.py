"""Rule sets in force now, and those that were in force a short while ago.

The record of a request comes seconds or minutes after it. If what happened before an AuditWatch was changed were judged
by what it says since, whoever may change it could take back what they have just done: put themselves on a list, and
what is still on its way is excepted. So what a change took out of force is asked about whatever happened before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from auditwatch.detection.compiled import CompiledRule, RuleSet
from auditwatch.detection.index import Index
from auditwatch.events.activity import Activity

T = TypeVar("T")

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


class Formers(Generic[T]):
    """What each watch had before, with the event time (seconds since the epoch) until which it held; rising."""

    def __init__(self) -> None:
        self._by_watch: dict[str, list[tuple[float, T]]] = {}

    def keep(self, watch: str, former: T, *, until: float) -> None:
        """Remember what holds no longer. A clock set back lets nothing end before what was there earlier."""
        kept = self._by_watch.setdefault(watch, [])
        if len(kept) < MAX_FORMERS:
            kept.append((max([until, *(each for each, _ in kept)]), former))

    def at(self, watch: str, time: float) -> T | None:
        """What held at an event time, where something else does since."""
        return next((former for until, former in self._by_watch.get(watch, ()) if time < until), None)

    def of(self, watch: str) -> Iterator[T]:
        """All that are kept of one watch."""
        return (former for _, former in self._by_watch.get(watch, ()))

    def all(self) -> Iterator[T]:
        """All that are kept."""
        return (former for kept in self._by_watch.values() for _, former in kept)

    def watches(self) -> frozenset[str]:
        """``namespace/name`` of every watch of which one is kept."""
        return frozenset(self._by_watch)

    def drop(self, watch: str) -> None:
        """Forget all of one watch."""
        self._by_watch.pop(watch, None)

    def end(self, *, before: float) -> frozenset[str]:
        """Forget those that ended before this event time; the watches that had one."""
        ended = {watch for watch, kept in self._by_watch.items() if any(until < before for until, _ in kept)}
        for watch in ended:
            left = [each for each in self._by_watch.pop(watch) if each[0] >= before]
            if left:
                self._by_watch[watch] = left
        return frozenset(ended)
