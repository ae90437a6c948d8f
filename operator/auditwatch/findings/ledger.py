"""Every open incident, as a state machine that knows neither a clock nor a disk of its own.

The engine feeds it signals in log order and saves what changed in the transaction that moves the log position, so a
crash never leaves the two apart. Inside a state the log sequence is the watermark: what is at or below it was counted.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Container, Iterable, Mapping
from typing import Any

from auditwatch.detection.signal import Signal
from auditwatch.findings import adoption, identity
from auditwatch.findings.absorb import absorb, amend
from auditwatch.findings.evidence import short_key
from auditwatch.findings.folding import Kin, correct, fold, is_superseded
from auditwatch.findings.forgetting import Told, beyond_room, is_over, needless
from auditwatch.findings.opening import FOLDED, opened
from auditwatch.findings.policies import DEFAULT_POLICY, Policies
from auditwatch.findings.policy import FindingPolicy
from auditwatch.findings.quotas import Quotas, purse
from auditwatch.findings.state import FindingState, decode, encode


class Ledger:
    """Findings by fingerprint. Not thread-safe: it belongs to the engine thread.

    ``clock`` only dates ``detectedTime``; all decisions are made on event time and log sequence.
    """

    def __init__(self, *, journal_id: str, cluster: str, clock: Callable[[], float] = time.time) -> None:
        self._journal_id = journal_id
        self._cluster = cluster
        self._clock = clock
        self._policies = Policies()
        self._states: dict[str, FindingState] = {}
        self._latest: dict[str, FindingState] = {}
        self._kin = Kin()
        self._quotas = Quotas()
        self._next_over = math.inf
        self._orphans: dict[str, list[FindingState]] = {}
        self._ended: set[str] = set()
        self._dirty: set[str] = set()
        self.duplicates = 0
        """Signals ignored because they were counted before."""
        self.folded = 0
        """Signals counted into a roll-up because their rule met its cap."""
        self.amended = 0
        """Signals that told more of an activity that was counted before."""
        self.given_up = 0
        """Incidents dropped untold, because too many of their watch were refused."""

    def __len__(self) -> int:
        return len(self._states)

    def states(self) -> Iterable[FindingState]:
        """Every incident known; read only."""
        return self._states.values()

    def count_of(self, watch: str) -> int:
        """Incidents of this watch that stand by themselves (``status.findingCount``)."""
        states = (state for state in self._states.values() if state.watch == watch and state.shown)
        return sum(1 for state in states if not is_superseded(state))

    def configure(self, watch: str, policy: FindingPolicy, *, at: float | None = None) -> None:
        """Use this policy for the watch from now on. What is open stays where it is and may become visible.

        What happened before event time ``at`` is shown if its former policy would have shown it.
        """
        self._policies.put(watch, policy, at=at)
        self._ended.discard(watch)
        for orphan in self._orphans.pop(watch, ()):
            self._continue(orphan, policy)
        for state in self._states.values():
            if state.watch == watch and policy.shows(state.severity) and not state.shown:
                self._change(state, _show)

    def end(self, watch: str) -> None:
        """The watch is gone: its incidents stay until they are told, or refused."""
        self._policies.drop(watch)
        self._orphans.pop(watch, None)
        self._ended.add(watch)

    def end_formers(self, *, before: float) -> None:
        """Show no longer by policies that ended before this event time."""
        self._policies.end_formers(before=before)

    def end_others(self, watches: Collection[str]) -> None:
        """These are all the watches there are."""
        for watch in {state.watch for state in self._states.values()} - self._ended - set(watches):
            self.end(watch)

    def move_unwritten(self, watch: str, written: Container[str]) -> None:
        """Where the watch's findings go elsewhere now, take along those of which nothing is at the API server yet."""
        namespace = (self._policies.get(watch) or DEFAULT_POLICY).namespace_of(watch)
        staying = [state for state in self._states.values() if state.watch == watch and state.namespace != namespace]
        for state in staying:
            key = f"{namespace}/{state.name}"
            if state.revision > 0 and state.key not in written and key not in self._states:
                self._leave(state)
                state.namespace, state.key = namespace, key
                self._enter(state)
                self._dirty.add(key)

    def restore(self, rows: Iterable[tuple[str, bytes]]) -> None:
        """Take up what :meth:`take_dirty` gave out. Raises :class:`msgspec.DecodeError` on a row that is not ours."""
        for _, row in rows:
            self._enter(decode(row))

    def adopt(self, finding: Mapping[str, Any]) -> None:
        """Continue a finding another journal left behind; one of this journal, or not one of ours, is ignored.

        Its count goes on from where it stood; its sequence says nothing here, so its last event keys tell what was
        counted. It waits until its watch is configured. Raises nothing: what the API holds may have been written by
        anybody.
        """
        state = adoption.adopted(finding, journal_id=self._journal_id, cluster=self._cluster)
        if state is None or state.key in self._states:
            return
        policy = self._policies.get(state.watch)
        if policy is None:
            self._orphans.setdefault(state.watch, []).append(state)
        else:
            self._continue(state, policy)

    def apply(self, signals: Iterable[Signal]) -> None:
        """Count the signals of one row of the log into their incidents; what makes no finding is passed over.

        Rows come in log order. Once all of a row is counted, incidents that tell the same are folded.
        """
        told = [signal for signal in signals if signal.emits_finding]
        for signal in told:
            self._apply(signal)
        for signal in told:
            self._fold_under_stories(signal)

    def take_dirty(self) -> dict[str, bytes | None]:
        """What changed since the last call: key → encoded state, ``None`` where it is gone."""
        rows = {key: encode(self._states[key]) if key in self._states else None for key in sorted(self._dirty)}
        self._dirty.clear()
        return rows

    def forget(self, told: Told, *, before: float) -> int:
        """Drop incidents that are over (quiet for their ``reopen_after`` at event time ``before``) and told.

        What is not at the API server yet is kept, unless its watch is gone and it is refused, or too much is refused.
        How many were dropped.
        """
        gone = needless(self._states.values(), told, before=before, has_ended=self._ended.__contains__)
        for state in gone:
            self._leave(state)
        given_up = beyond_room(self._states.values(), told, before=before)
        for state in given_up:
            self._leave(state)
        self.given_up += len(given_up)
        return len(gone) + len(given_up)

    def _continue(self, state: FindingState, policy: FindingPolicy) -> None:
        """Take over an adopted incident, unless it lies where its watch may not write, or this journal has its own."""
        latest = self._latest.get(state.fingerprint)
        is_ours = latest is not None and latest.revision > 0
        if is_ours or state.key in self._states or state.namespace != policy.namespace_of(state.watch):
            return
        state.reopen_after = policy.reopen_after_seconds
        self._enter(state)
        self._dirty.add(state.key)

    def _apply(self, signal: Signal) -> None:
        own = self._fingerprint(signal, signal.group)
        state = self._open(own, signal)
        if signal.amends:
            self._amend(state, signal)
        elif state is None:
            self._open_incident(signal, own)
        elif self._is_known(state, signal):
            self.duplicates += 1
        else:
            self._absorb(state, signal)
        if signal.supersedes is not None:
            self._supersede(signal, signal.supersedes, self._latest.get(own))

    def _amend(self, state: FindingState | None, signal: Signal) -> None:
        """Correct what was counted before. Where its incident is over, or folded, nothing is left to correct."""
        if state is None or signal.sequence <= state.revision:
            return
        self.amended += 1
        policy = self._policies.of(signal)

        def change(state: FindingState) -> None:
            amend(state, signal)
            state.shown = state.shown or policy.shows(state.severity)

        self._change(state, change)

    def _supersede(self, signal: Signal, group: identity.Group, better: FindingState | None) -> None:
        """Mark the incident in which the activity was counted before it was known to belong into this one."""
        state = self._open(self._fingerprint(signal, group), signal)
        if state is None or better is None or signal.sequence <= state.revision:
            return

        def change(state: FindingState) -> None:
            state.rows.clear()  # which of them it was is not known: a story takes over none
            state.superseded += max(1, signal.superseded_count)
            state.superseded_by = better.name
            state.revision = signal.sequence

        self._change(state, change)

    def _fold_under_stories(self, signal: Signal) -> None:
        """Fold what tells the same as a story under its incident. One that is not shown, or over, takes nothing."""
        state = self._open(self._fingerprint(signal, signal.group), signal)
        if state is None or not state.shown:
            return
        if signal.amends:
            self._correct_story(state, signal)
            return
        pairs = [(state, other, sequences) for other, sequences in self._kin.under(state, signal)]
        pairs += [(story, state, None) for story in self._kin.over(state)]
        for story, other, sequences in pairs:
            if (
                story.shown
                and not is_over(story, signal.time)
                and fold(story, other, sequences, sequence=signal.sequence)
            ):
                self._dirty |= {story.key, other.key}
                self._pay(story)

    def _correct_story(self, state: FindingState, signal: Signal) -> None:
        story = self._states.get(f"{state.namespace}/{state.superseded_by}") if is_superseded(state) else None
        if story is not None and story.absorbs:
            self._change(story, lambda story: correct(story, signal))

    def _open_incident(self, signal: Signal, own: str) -> None:
        policy = self._policies.of(signal)
        latest = self._latest.get(own)
        if latest is not None and self._is_known(latest, signal):
            self.duplicates += 1
            return
        shown = policy.shows(signal.severity)
        room = purse(watch=signal.watch, rule=signal.rule, severity=signal.severity, shown=shown)
        self._reclaim(signal.time)
        if self._quotas.has_room(room, policy):
            self._start(signal, signal.group, policy)
        else:
            self._fold(signal, policy)

    def _fold(self, signal: Signal, policy: FindingPolicy) -> None:
        """Count a signal that found no room into the roll-up of its rule."""
        state = self._open(self._fingerprint(signal, FOLDED), signal)
        if state is not None and self._is_known(state, signal):
            self.duplicates += 1
            return
        self.folded += 1
        if state is None:
            self._start(signal, FOLDED, policy)
        else:
            self._absorb(state, signal)

    def _start(self, signal: Signal, group: identity.Group, policy: FindingPolicy) -> None:
        previous = self._latest.get(self._fingerprint(signal, group))
        state = opened(
            signal,
            group=group,
            policy=policy,
            cluster=self._cluster,
            journal_id=self._journal_id,
            epoch=previous.epoch + 1 if previous is not None else 1,
            now=self._clock(),
        )
        self._enter(state)
        self._dirty.add(state.key)

    def _absorb(self, state: FindingState, signal: Signal) -> None:
        policy = self._policies.of(signal)

        def change(state: FindingState) -> None:
            absorb(state, signal)
            state.shown = state.shown or policy.shows(state.severity)

        self._change(state, change)

    def _change(self, state: FindingState, change: Callable[[FindingState], None]) -> None:
        """Change a state, moving it to the purse it belongs to afterwards."""
        change(state)
        self._kin.enter(state)
        self._pay(state)
        self._dirty.add(state.key)

    def _open(self, fingerprint: str, signal: Signal) -> FindingState | None:
        """The incident of this fingerprint that is still open at the signal's time."""
        state = self._latest.get(fingerprint)
        return None if state is None or is_over(state, signal.time) else state

    def _is_known(self, state: FindingState, signal: Signal) -> bool:
        """Counted before: at or below the watermark, or, in a finding of an earlier journal, among its last keys."""
        return signal.sequence <= state.revision or short_key(signal) in state.recent

    def _fingerprint(self, signal: Signal, group: identity.Group) -> str:
        return identity.fingerprint(cluster=self._cluster, watch=signal.watch, rule=signal.rule, group=group)

    def _enter(self, state: FindingState) -> None:
        self._states[state.key] = state
        self._kin.enter(state)
        self._pay(state)
        known = self._latest.get(state.fingerprint)
        if known is None or (known.epoch, known.last_seen) <= (state.epoch, state.last_seen):
            self._latest[state.fingerprint] = state

    def _leave(self, state: FindingState) -> None:
        del self._states[state.key]
        self._quotas.leave(state.key)
        self._kin.leave(state)
        if self._latest.get(state.fingerprint) is state:
            del self._latest[state.fingerprint]
        self._dirty.add(state.key)

    def _pay(self, state: FindingState) -> None:
        """Take the room the incident needs now; a roll-up needs none."""
        if state.folded_since is None:
            room = purse(watch=state.watch, rule=state.rule, severity=state.severity, shown=state.shown)
            self._quotas.enter(state.key, room)
            self._next_over = min(self._next_over, state.last_seen + state.reopen_after)

    def _reclaim(self, time: float) -> None:
        """Give back the room of incidents that are over. Looks at all of them only when one may have run out."""
        if time <= self._next_over:
            return
        paying = [self._states[key] for key in self._quotas.paying()]
        for state in paying:
            if is_over(state, time):
                self._quotas.leave(state.key)
        ends = (state.last_seen + state.reopen_after for state in paying if not is_over(state, time))
        self._next_over = min(ends, default=math.inf)


def _show(state: FindingState) -> None:
    state.shown = True
