"""Every rule set in force, held against one row of the log after the other.

Pure and deterministic: what it says of a row depends on the rows before it and on nothing else, so a backlog gives
the same signals as life. What it remembers (windows) is handed out to be saved together with the log position.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

import msgspec

from auditwatch.detection.compiled import CompiledRule, RuleSet
from auditwatch.detection.counting import add, sum_around
from auditwatch.detection.exceptions import CompiledException
from auditwatch.detection.formers import Formers, InForce
from auditwatch.detection.matching import kind_of
from auditwatch.detection.ownk10 import of_one_k10
from auditwatch.detection.revising import quiet_signal, revised, told_before
from auditwatch.detection.scope import Scope
from auditwatch.detection.signal import Signal
from auditwatch.detection.signals import activities, counted, gap_signal, matched
from auditwatch.detection.stories import count_key, counted_value
from auditwatch.detection.tenancy import seen_by
from auditwatch.detection.values import MISSING
from auditwatch.detection.windows import Windows, window_prefix
from auditwatch.events.activity import API_DOWN, Activity, Gap, LogRow, Revision


class Detector:
    """Matching and counting over every rule set in force. For one thread.

    ``complete`` adds to each activity, in log order, what only those before it tell.
    """

    def __init__(self, complete: Callable[[Activity], Activity] = lambda activity: activity) -> None:
        self._complete = complete
        self._in_force: dict[str, InForce] = {}
        self._formers: Formers[InForce] = Formers()
        self._windows = Windows()
        self.unknown_outcomes: Counter[tuple[str, str]] = Counter()
        """By (watch, rule): rows of which it could not be told whether the rule holds, since the start."""
        self.dry_runs = 0
        """Rows that certainly changed nothing, since the start: no rule is asked about them."""

    @property
    def windows_forgotten(self) -> int:
        """Windows given up since the start because a story had too many groups."""
        return self._windows.forgotten.total()

    def install(self, rule_set: RuleSet, *, in_force_from: Mapping[str, int], at: float | None = None) -> None:
        """Put a rule set in force instead of the watch's former one.

        ``in_force_from``: by rule digest the log sequence above which the rule holds; a digest that is not in it
        holds for every row. ``at``: event time before which the former one is asked as well; without it, never.
        Windows of rules that are no longer there, or no longer the same, are given up.
        """
        former = self._in_force.get(rule_set.watch)
        if former is not None and former.differs(rule_set):
            self._retire(former, at)
        self._in_force[rule_set.watch] = InForce.of(rule_set, in_force_from)
        self._keep_windows_of(rule_set.watch)

    def remove(self, watch: str, *, at: float | None = None) -> None:
        """Take a watch's rules out of force, for what happens from ``at`` on, and give up its windows."""
        former = self._in_force.pop(watch, None)
        if former is not None:
            self._retire(former, at)
        self._keep_windows_of(watch)

    def end_formers(self, *, before: float) -> None:
        """Ask no longer what was taken out of force before this event time."""
        for watch in self._formers.end(before=before):
            self._keep_windows_of(watch)

    def restore(self, rows: Iterable[tuple[str, bytes]]) -> None:
        """Take up saved windows (key, payload) of the rule sets in force, or of all while there is none.

        Raises :class:`auditwatch.detection.windows.WindowsCorruptError`.
        """
        self._windows.restore(rows)
        if not self._in_force:
            return
        for watch in self._windows.watches() - self._in_force.keys():
            self._windows.keep(watch, frozenset())
        for watch in self._in_force:
            self._keep_windows_of(watch)

    def take_dirty(self) -> dict[str, bytes | None]:
        """Windows changed since the last call, by key; ``None`` where one is gone."""
        return self._windows.take_dirty()

    def observe(self, sequence: int, row: LogRow) -> list[Signal]:
        """The signals of one row of the log, rule set by rule set, stories last. Rows come in log order, once."""
        signals: list[Signal] = []
        if isinstance(row, Activity):
            if _is_dry_run(row):
                self.dry_runs += 1
                return signals
            if _found_nothing(row):
                return signals
            row = self._complete(row)
        elif isinstance(row, Revision):
            row = msgspec.structs.replace(row, former=self._complete(row.former), activity=self._complete(row.activity))
        for watch in [*self._in_force, *(self._formers.watches() - self._in_force.keys())]:
            signals += self._of_watch(watch, sequence, row)
        return signals

    def _of_watch(self, watch: str, sequence: int, row: LogRow) -> list[Signal]:
        current = self._in_force.get(watch)
        if isinstance(row, Gap):
            # Nothing is lost by an API server that is down.
            is_told = current is not None and current.tells_gaps and row.reason != API_DOWN
            return [gap_signal(watch, sequence, row)] if is_told else []
        now = self._told(current, sequence, row) if current is not None else []
        time = row.activity.time if isinstance(row, Revision) else row.time
        former = self._formers.at(watch, time)
        return now if former is None else self._with_former(now, former, sequence, row)

    def _with_former(self, now: list[Signal], former: InForce, sequence: int, row: Activity | Revision) -> list[Signal]:
        """What is told now, and what would have been told had its record come before the change."""
        told = frozenset(signal.rule for signal in now if signal.emits_finding)
        found = self._told(former, sequence, row)
        then = [signal for signal in found if signal.emits_finding and signal.rule not in told]
        more = frozenset(signal.rule for signal in then)
        return [signal for signal in now if signal.rule not in more] + then

    def _told(self, in_force: InForce, sequence: int, row: Activity | Revision) -> list[Signal]:
        if isinstance(row, Revision):
            return self._revise(in_force, sequence, row)
        return self._observe(in_force, sequence, row)

    def _observe(self, in_force: InForce, sequence: int, row: Activity) -> list[Signal]:
        rule_set = in_force.rule_set
        candidates = () if in_force.is_past(row) else in_force.index.candidates(kind_of(row))
        activity = seen_by(rule_set.tenant, of_one_k10(row, rule_set.k10)) if candidates else None
        if activity is None:
            return []
        scope = Scope(activity, rule_set.k10, rule_set.zone)
        found = [self._match(rule_set, rule, sequence, scope) for rule in candidates if in_force.is_due(rule, sequence)]
        signals = [signal for signal in found if signal is not None]
        if not signals:
            return signals
        names = frozenset([signal.rule for signal in signals])
        return signals + self._count_all(in_force, names, sequence, scope, since=sequence)

    def _revise(self, in_force: InForce, sequence: int, row: Revision) -> list[Signal]:
        """The same for a row of which more is known now; rules that were not in force for it then are not now."""
        rule_set = in_force.rule_set
        own = (of_one_k10(each, rule_set.k10) for each in (row.activity, row.former))
        activity, former = (seen_by(rule_set.tenant, each) for each in own)
        if activity is None or former is None or in_force.is_past(row.activity):
            return []
        scope, was = (Scope(each, rule_set.k10, rule_set.zone) for each in (activity, former))
        rules, rules_then = (
            [rule for rule in in_force.index.candidates(kind_of(each)) if in_force.is_due(rule, row.sequence)]
            for each in (activity, former)
        )
        told = told_before(rule_set.watch, rules_then, sequence, was)
        signals = []
        for rule in rules:
            before = told.get(rule.name)
            ask = self._match if before is None else _quietly
            signal = ask(rule_set, rule, sequence, scope)
            if signal is not None:
                signals.append(signal if before is None else revised(signal, before))
        names = frozenset(signal.rule for signal in signals if signal.rule not in told)
        return signals + self._count_all(in_force, names, sequence, scope, since=row.sequence)

    def _count_all(
        self, in_force: InForce, names: frozenset[str], sequence: int, scope: Scope, *, since: int
    ) -> list[Signal]:
        """What the stories say that count one of these rules; ``since``: the sequence of the row that is counted."""
        signals: list[Signal] = []
        current = self._in_force.get(in_force.rule_set.watch, in_force)
        for story in in_force.stories if names else ():
            if in_force is not current and current.has(story):
                continue  # the row was counted there
            if in_force.is_due(story, since) and story.story and not story.story.members.isdisjoint(names):
                signals += self._count(in_force.rule_set, story, sequence, scope)
        return signals

    def _match(self, rule_set: RuleSet, rule: CompiledRule, sequence: int, scope: Scope) -> Signal | None:
        truth = rule.condition.holds(scope, MISSING)
        if truth is False:
            return None
        if truth is None:
            self.unknown_outcomes[rule_set.watch, rule.name] += self._is_of_now(rule_set)
            if rule.on_unknown is None:
                return None
        is_muted = self._is_muted(rule_set.watch, rule, sequence, scope)
        return matched(rule_set.watch, rule, sequence, scope, unknown=truth is None, is_muted=is_muted)

    def _count(self, rule_set: RuleSet, rule: CompiledRule, sequence: int, scope: Scope) -> list[Signal]:
        story = rule.story
        assert story is not None
        time = scope.activity.time
        prefix = window_prefix(rule_set.watch, rule.name, rule.digest)
        window = self._windows.use(prefix, count_key(story, scope), now=time, timespan=story.timespan)
        count = activities(scope) if story.sums_targets else 1
        crossing = add(
            window,
            time=time,
            count=count,
            sequence=sequence,
            timespan=story.timespan,
            threshold=story.threshold,
            value=counted_value(story, scope),
        )
        if crossing is None:
            return []
        # What completed the count is judged and shown, with the count beside it.
        told = Scope(scope.activity, rule_set.k10, rule_set.zone, count=crossing.total)
        is_muted = self._is_muted(rule_set.watch, rule, sequence, told)
        return [counted(rule_set.watch, rule, sequence, told, crossing, is_muted=is_muted)]

    def _is_muted(self, watch: str, rule: CompiledRule, sequence: int, scope: Scope) -> bool:
        """Whether the watch muted the rule, or an exception holds. ``upTo`` counts only what it covers."""
        if rule.is_muted or not rule.exceptions:
            return rule.is_muted
        return any(
            exception.covers(scope) and self._has_room(watch, rule, exception, sequence, scope)
            for exception in rule.exceptions
        )

    def _has_room(
        self, watch: str, rule: CompiledRule, exception: CompiledException, sequence: int, scope: Scope
    ) -> bool:
        if exception.up_to is None:
            return True
        limit, seconds = exception.up_to
        time = scope.activity.time
        prefix = f"{window_prefix(watch, rule.name, rule.digest)}{exception.name}/"
        window = self._windows.use(prefix, "covered", now=time, timespan=seconds)
        if sum_around(window, time, seconds) >= limit:
            return False
        add(window, time=time, count=1, sequence=sequence, timespan=seconds, threshold=limit)
        return True

    def _retire(self, former: InForce, at: float | None) -> None:
        if at is not None:
            self._formers.keep(former.rule_set.watch, former, until=at)

    def _is_of_now(self, rule_set: RuleSet) -> bool:
        current = self._in_force.get(rule_set.watch)
        return current is None or current.rule_set is rule_set

    def _keep_windows_of(self, watch: str) -> None:
        kept = [self._in_force.get(watch), *self._formers.of(watch)]
        rules = [rule for each in kept if each is not None for rule in each.rule_set.rules.values()]
        self._windows.keep(watch, frozenset(window_prefix(watch, rule.name, rule.digest) for rule in rules))


def _quietly(rule_set: RuleSet, rule: CompiledRule, sequence: int, scope: Scope) -> Signal | None:
    return quiet_signal(rule_set.watch, rule, sequence, scope)


def _is_dry_run(row: Activity) -> bool:
    return not isinstance(row.request, msgspec.UnsetType) and row.request.dry_run is True


def _found_nothing(row: Activity) -> bool:
    """Whether it was to delete whatever was there, and the answer shows that nothing was: no rule is asked either."""
    return row.target.count == 0
