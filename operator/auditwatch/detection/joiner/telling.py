"""What is told of a request or a change whose wait is over: new rows, or a correction of one that is told already."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import msgspec
from msgspec.structs import replace

from auditwatch.detection.joiner import merging
from auditwatch.detection.joiner.arrivals import Settled
from auditwatch.detection.joiner.clearing import Deletion, Deletions, is_controller
from auditwatch.detection.joiner.hearing import Hearing
from auditwatch.detection.joiner.kinds import Kinds
from auditwatch.detection.joiner.outages import Outages, is_within
from auditwatch.detection.joiner.pending import Joined, PendingRequest, PendingStep
from auditwatch.detection.joiner.steps import Step
from auditwatch.detection.joiner.told import MAX_UIDS, Memory, Told
from auditwatch.detection.joiner.unexplained import is_accountable
from auditwatch.detection.matching import COLLECTION
from auditwatch.events.activity import Activity, Actor, Attribution, Gap, LogRow, Revision, Target

Recall = Callable[[int], Activity | None]
"""The activity that a row of the log told of, as that row tells it; ``None`` where the row is gone."""


@dataclass(frozen=True, slots=True)
class LateCause:
    """A change that is told, of which a request that came later is the cause."""

    told: Told
    surely: Attribution
    suspects: tuple[Actor, ...] = ()


class Teller:
    """Appends to a batch of rows and remembers what it told."""

    def __init__(self, memory: Memory, deletions: Deletions, outages: Outages, hearing: Hearing, kinds: Kinds) -> None:
        self._memory = memory
        self._hearing = hearing
        self._deletions = deletions
        self._kinds = kinds
        self._outages = outages
        self._out = Settled()
        self._next = 0
        self._now = 0.0
        self._recall: Recall = lambda _sequence: None
        self._actors: dict[int, Actor | None] = {}
        """By log sequence: in a batch the same requests are suspected again and again."""

    def begin(self, *, now: float, next_sequence: int, recall: Recall) -> Settled:
        """Start a batch whose first row will have this log sequence."""
        self._out, self._next, self._now, self._recall = Settled(), next_sequence, now, recall
        self._actors.clear()
        return self._out

    def attempt(self, tell: Callable[[], None]) -> None:
        """Tell all of it, or where that raises nothing of it."""
        rows, inbox = len(self._out.rows), len(self._out.inbox)
        self._memory.mark()
        try:
            tell()
        except BaseException:
            del self._out.rows[rows:], self._out.inbox[inbox:]
            self._memory.undo()
            raise

    def gap(self, gap: Gap, *inbox: int) -> None:
        """Tell of a gap; where it is an outage, what was asked meanwhile is known to have failed."""
        self._out.inbox += inbox
        self._add(gap)
        if self._outages.note(gap):
            self._fail_within(gap)

    def nothing(self, *inbox: int) -> None:
        """These inbox rows say nothing that is not told."""
        self._out.inbox += inbox

    def step(self, pending: PendingStep) -> None:
        """Tell of a change that no request explains."""
        step, row = pending.step, pending.row
        deletion = None if step.verb != "delete" else self._deletions.behind(row)
        if deletion is not None:
            row = _blamed(row, deletion)
        is_made_here = deletion is None and not step.was_ending and self._kinds.passes_apiserver(*step.place[1:3])
        sequence = self._add(row)
        self._memory.put(
            Told(
                id=_id(pending.inbox),
                at=self._now,
                sequence=sequence,
                latest=sequence,
                step=step,
                evidence=row.evidence,
                is_open=is_made_here and is_accountable(step, self._hearing, now=self._now),
            )
        )
        self._out.inbox += pending.inbox

    def request(self, pending: PendingRequest, row: Activity) -> None:
        """Tell of a request with all that joined it; ``row`` is its best telling."""
        self._out.inbox += pending.inbox
        base, told = self._base(pending, row), self._told_of(pending)
        if row.verb == COLLECTION:
            told = self._collection(pending, base, told)
        else:
            told = _at(told, self._add(_with_changes(base, pending.joined)))
        self._memory.put(replace(told, waits_for_blame=is_controller(base) and bool(row.target.namespace)))

    def late_causes(self, pending: PendingRequest, row: Activity, changes: Sequence[LateCause]) -> None:
        """A request came after the changes it made were told: correct those, and tell what is left of it."""
        base = self._base(pending, row)
        for change in changes:
            self._late_cause(pending, base, change)
        shown = [_name_of(change.told.step) for change in changes]
        rest = merging.rest_of_collection(base, shown) if row.verb == COLLECTION else None
        if rest is not None:
            self._memory.put(_at(self._told_of(pending), self._add(rest)))
        self._out.inbox += pending.inbox

    def _late_cause(self, pending: PendingRequest, row: Activity, change: LateCause) -> None:
        step, former = change.told.step, self.recalled(change.told.latest)
        told = replace(
            self._told_of(pending),
            id=change.told.id,
            step=step,
            sequence=change.told.sequence,
            latest=change.told.latest,
            is_taken=True,
            is_sure=change.surely == "Audited",
            uids=(step.uid,) if step is not None else (),
        )
        if former is not None:
            joined = merging.one_of_collection if row.verb == COLLECTION else merging.with_change
            revised = merging.suspected(joined(row, former, change.surely), change.suspects)
            told = self._revise(told, former, replace(revised, key=former.key))
        self._memory.put(told)

    def late_change(self, pending: PendingStep, told: Told, surely: Attribution, suspects: Sequence[Actor]) -> None:
        """A change came after the request that made it was told: correct that."""
        self._out.inbox += pending.inbox
        uid, is_known = pending.step.uid, pending.step.uid in told.uids
        uids = (*told.uids, uid)[-MAX_UIDS:]
        told = replace(told, uids=uids, is_taken=True, is_sure=told.is_sure or surely == "Audited")
        former = told.shadow if not told.sequence else self.recalled(told.latest)
        if former is not None and not is_known:
            is_part = told.asked is not None and told.asked.verb == COLLECTION
            joined = merging.one_of_collection if is_part else merging.with_change
            revised = merging.suspected(joined(former, pending.row, surely), suspects)
            if told.sequence:
                told = self._revise(told, former, replace(revised, key=former.key))
            else:
                self._add(revised)
        self._memory.put(told)

    def late_telling(self, told: Told, revise: Callable[[Activity], Activity], *inbox: int) -> None:
        """Another telling of a request came after it was told: correct what was said by what it adds."""
        self._out.inbox += inbox
        told = self._memory.now(told)
        former = self.recalled(told.latest) if told.sequence else None
        if former is not None:
            told = self._revise(told, former, replace(revise(former), key=former.key))
        self._memory.put(told)

    def blame(self, deletion: Deletion) -> None:
        """A namespace's deletion came after what the controller did for it was told."""
        for told in self._memory.without_blame():
            former = self.recalled(told.latest) if told.sequence else None
            if former is None or former.target.namespace != deletion.namespace or former.cluster != deletion.cluster:
                continue
            self._memory.put(replace(self._revise(told, former, _blamed(former, deletion)), waits_for_blame=False))

    def actor_of(self, told: Told) -> Actor | None:
        """Who made a request that is told."""
        if told.latest not in self._actors:
            row = told.shadow if not told.sequence else self.recalled(told.latest)
            actor = None if row is None else row.actor
            if not 0 < told.latest < self._next:  # not yet in the log
                return actor
            self._actors[told.latest] = actor
        return self._actors[told.latest]

    def recalled(self, sequence: int) -> Activity | None:
        """What a row of the log tells of, rows of this batch included."""
        index = sequence - self._next
        if not 0 <= index < len(self._out.rows):
            return self._recall(sequence)
        row = self._out.rows[index]
        return row.activity if isinstance(row, Revision) else None if isinstance(row, Gap) else row

    def _fail_within(self, outage: Gap) -> None:
        for told in self._memory.unsure():
            if told.asked is None or told.is_taken or not is_within(told.asked, outage):
                continue
            former = self.recalled(told.latest) if told.sequence else None
            if former is not None and former.outcome == "Unknown":
                self._memory.put(self._revise(told, former, replace(former, outcome="Failed")))

    def _collection(self, pending: PendingRequest, base: Activity, told: Told) -> Told:
        """What a deletion of many deleted, object by object where that was seen."""
        shown: dict[str, Activity] = {}
        for joined in pending.joined:
            part = merging.one_of_collection(base, joined.change.row, joined.surely)
            shown.setdefault(joined.change.step.uid, merging.suspected(part, joined.suspects))
        for part in shown.values():
            self._add(part)
        names = [part.target.name for part in shown.values()]
        rest = merging.rest_of_collection(base, names) if shown else base
        is_idle = not shown and is_controller(pending.row) and self._found_nothing(base.target)
        if rest is None or is_idle:
            return replace(told, shadow=replace(base, event=msgspec.UNSET, old_object=msgspec.UNSET))
        return _at(told, self._add(rest))

    def _found_nothing(self, target: Target) -> bool:
        """Whether the controller looked for objects of a kind of which the namespace, as far as is known, held none."""
        is_seen = self._kinds.shows(target.group, target.resource, target.namespace)
        return target.count == 0 or (target.count is None and is_seen)

    def _base(self, pending: PendingRequest, row: Activity) -> Activity:
        """A request's row without its changes, blamed on whoever is behind it."""
        deletion = self._deletions.behind(row)
        if self._is_backlog(pending):
            row = replace(row, is_backlog=True)
        return self._with_outage(row, pending) if deletion is None else _blamed(row, deletion)

    def _is_backlog(self, pending: PendingRequest) -> bool:
        """Whether the change it made, if any, was told by itself, before anybody listened to who tells of it."""
        asked = pending.asked
        is_shown = asked.writes and self._kinds.shows(*asked.place[1:4])
        return (
            is_shown and pending.front is not None and self._hearing.is_backlog(pending.front.record.source, asked.end)
        )

    def _with_outage(self, row: Activity, pending: PendingRequest) -> Activity:
        """Of a request whose end is unknown: it failed where its API answered nobody."""
        is_open = row.outcome == "Unknown" and pending.asked.writes and not pending.joined
        return replace(row, outcome="Failed") if is_open and self._outages.covers(pending.asked) else row

    def _told_of(self, pending: PendingRequest) -> Told:
        return Told(
            id=_id(pending.inbox),
            at=self._now,
            asked=pending.asked,
            evidence=pending.row.evidence,
            key=pending.key,
            is_relayed=pending.audited is not None and pending.relay is not None,
            uids=tuple(sorted(pending.uids))[-MAX_UIDS:],
            is_taken=bool(pending.joined),
            is_sure=pending.is_sure,
        )

    def _revise(self, told: Told, former: Activity, revised: Activity) -> Told:
        """With the log sequence of what is said last."""
        if not merging.tells_more(revised, former):
            return told
        return replace(told, latest=self._add(Revision(sequence=told.sequence, former=former, activity=revised)))

    def _add(self, row: LogRow) -> int:
        self._out.rows.append(row)
        return self._next + len(self._out.rows) - 1


def _at(told: Told, sequence: int) -> Told:
    """With the log sequence of its row."""
    return replace(told, sequence=sequence, latest=sequence)


def _with_changes(row: Activity, joined: Sequence[Joined]) -> Activity:
    """A request with the changes it made; of one object the first tells what was there before."""
    for each in _first_of_each(joined):
        row = merging.suspected(merging.with_change(row, each.change.row, each.surely), each.suspects)
    return row


def _first_of_each(joined: Sequence[Joined]) -> Iterator[Joined]:
    seen: set[str] = set()
    for each in joined:
        if each.change.step.uid not in seen:
            seen.add(each.change.step.uid)
            yield each


def _name_of(step: Step | None) -> str:
    return "" if step is None else step.place[-1]


def _blamed(row: Activity, deletion: Deletion) -> Activity:
    return merging.blamed(row, deletion.actor, deletion.client)


def _id(inbox: Sequence[int]) -> str:
    return f"{inbox[0]:016x}"
