"""The state machine: takes what arrives, holds what has to wait, and settles what has waited long enough.

Every decision is made in :meth:`Joiner.settle`, from what has arrived by then, in the order of event time; so neither
the order of arrival within a hold nor a restart changes what is decided.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Final

from auditwatch.detection.joiner.arrivals import Arrival, Settled
from auditwatch.detection.joiner.asking import Asked
from auditwatch.detection.joiner.causes import Cause, Explanation, explain
from auditwatch.detection.joiner.clearing import Deletions
from auditwatch.detection.joiner.fitting import Fit, fit
from auditwatch.detection.joiner.hearing import Hearing
from auditwatch.detection.joiner.kinds import Kinds
from auditwatch.detection.joiner.known import KnownKeys
from auditwatch.detection.joiner.ordering import Candidate, Item, releasable
from auditwatch.detection.joiner.outages import Outages
from auditwatch.detection.joiner.pairing import only_pairs
from auditwatch.detection.joiner.pending import Joined, PendingRequest, PendingStep, Telling, changes_of, own_inbox
from auditwatch.detection.joiner.receiving import Hold, Receiver, Translate
from auditwatch.detection.joiner.steps import Step
from auditwatch.detection.joiner.telling import LateCause, Recall, Teller
from auditwatch.detection.joiner.told import Memory, Told
from auditwatch.detection.joiner.unexplained import unexplained
from auditwatch.detection.joiner.waiting import Waiting
from auditwatch.detection.matching import COLLECTION
from auditwatch.events.activity import Activity, Actor, Evidence, Gap

JOINABLE_SECONDS: Final = 600.0
"""How long what is told can be joined by what comes late, at least."""
MAX_HELD: Final = 20_000
MAX_HELD_BYTES: Final = 64 << 20
"""Beyond either, nothing waits any longer. Bytes are those in the inbox; in memory they are about four times that."""

Trouble = Callable[[int, Exception], Gap]
"""Told that an inbox row (its sequence) could not be settled; what stands in the log for it."""
_Request = PendingRequest | Told


class Joiner:
    """Everything held and everything that may still be joined. For one thread.

    What is held is not saved: whoever restarts it calls :meth:`restore` and takes the unsettled inbox rows again.
    """

    def __init__(
        self,
        translate: Translate,
        kinds: Kinds,
        *,
        trouble: Trouble,
        hold: Hold = lambda _row: 0.0,
        joinable: float = JOINABLE_SECONDS,
    ) -> None:
        self._translate = translate
        self._trouble = trouble
        self._joinable = joinable
        self._hearing, self._memory, self._known = Hearing(), Memory(), KnownKeys()
        self._deletions, self._outages, self._waiting = Deletions(), Outages(), Waiting()
        self._teller = Teller(self._memory, self._deletions, self._outages, self._hearing, kinds)
        self._receiver = Receiver(
            translate,
            kinds,
            hold,
            waiting=self._waiting,
            hearing=self._hearing,
            memory=self._memory,
            known=self._known,
            deletions=self._deletions,
            teller=self._teller,
        )
        self._has_news = False
        self._sizes: dict[int, int] = {}
        """Of the inbox rows that are held, by sequence."""
        self._bytes = 0
        self.overruns = 0
        """Times too much was held, so that nothing could wait."""

    @property
    def held(self) -> int:
        """How many requests and changes wait."""
        return len(self._waiting)

    @property
    def told(self) -> int:
        """How many activities can still be joined by what comes late."""
        return len(self._memory)

    def take(self, arrival: Arrival) -> None:
        """Take the next inbox row. Raises what translating an audit event raises; the row is then not held."""
        self._receiver.take(arrival)
        self._bytes += arrival.size - self._sizes.get(arrival.sequence, 0)
        self._sizes[arrival.sequence] = arrival.size

    def alive(self, source: str, instance: str, *, evidence: Evidence, time: float, now: float) -> None:
        """Proof that everything up to event time ``time`` came through a source; both in seconds since the epoch."""
        self._hearing.alive(source, instance, evidence=evidence, time=time, now=now)

    def look_again(self) -> None:
        """Facts came that activities may be held for: those they decide are held for them no longer."""
        self._has_news = True

    def settle(self, now: float, *, next_sequence: int, recall: Recall) -> Settled:
        """What can be told at ``now`` (seconds since the epoch); rows get log sequences from ``next_sequence`` on."""
        out = self._teller.begin(now=now, next_sequence=next_sequence, recall=recall)
        ready, self._receiver.ready = self._receiver.ready, []
        for each in ready:
            self._guarded(each.sequence, each.inbox, each.tell)
        self._look_again()
        is_too_much = self.held > MAX_HELD or self._bytes > MAX_HELD_BYTES
        self.overruns += is_too_much
        limit = math.inf if is_too_much else now
        self._pair_alike(limit)
        for step in sorted(self._waiting.steps(), key=lambda each: each.order):
            if step.due <= limit:
                self._held(step, partial(self._join, step))
        for item in releasable(self._candidates(limit), now=limit):
            self._held(item, partial(self._release, item))
        self._report_unexplained(now)
        self._memory.expire(now - self._joinable, is_unheard=self._hearing.is_empty)
        self._deletions.expire(now)
        self._outages.expire(now)
        self._known.expire(now)
        self._bytes -= sum(self._sizes.pop(sequence, 0) for sequence in out.inbox)
        return out

    def restore(self, rows: Iterable[tuple[str, bytes]]) -> None:
        """Take up what :meth:`take_dirty` gave out. Raises :class:`msgspec.DecodeError` on a row that is not ours."""
        for key, row in rows:
            space, _, name = key.partition("/")
            if space == "told":
                self._memory.restore(row)
            elif space == "known":
                self._known.restore(name, row)
            elif space == "heard":
                self._hearing.restore(name, row)
            elif space == "deletion":
                self._deletions.restore(row)
            elif space == "outage":
                self._outages.restore(name, row)

    def take_dirty(self, *, now: float) -> dict[str, bytes | None]:
        """What has to be saved in the transaction that settles, by key; ``None`` where it is gone."""
        spaces = {
            "told": self._memory.take_dirty(),
            "known": self._known.take_dirty(now),
            "heard": self._hearing.take_dirty(),
            "deletion": self._deletions.take_dirty(),
            "outage": self._outages.take_dirty(),
        }
        return {f"{space}/{name}": row for space, rows in spaces.items() for name, row in rows.items()}

    def _look_again(self) -> None:
        if self._has_news:
            self._has_news = False
            for request in self._waiting.requests():
                if request.is_held_for_facts:
                    self._held(request, partial(self._receiver.look_again, request))

    def _pair_alike(self, limit: float) -> None:
        """Put together, before one is told without the other, what two servers recorded under two audit IDs."""
        relays = (each for each in self._waiting.requests() if each.relay is not None and not each.is_paired)
        for place in dict.fromkeys([each.asked.place for each in relays]):
            for front, behind in list(only_pairs(self._waiting.requests_at(place))):
                if front.due <= limit or behind.due <= limit:
                    self._held(behind, partial(self._receiver.pair, front, behind))

    def _join(self, pending: PendingStep) -> None:
        """Put a change that has waited with the request that made it, if there is one."""
        if self._is_end_of_told(pending.step):
            self._waiting.drop(pending)
            self._teller.nothing(*pending.inbox)
            return
        found = explain(pending.step, list(self._causes(pending.step)))
        if found is None or (found.is_last and self._has_nearer(pending, found.cause.asked)):
            return
        request, suspects = found.cause.request, self._suspects(found)
        if isinstance(request, PendingRequest):
            request.joined.append(Joined(pending, found.surely, suspects))
            request.inbox += pending.inbox
        else:
            self._teller.late_change(pending, request, found.surely, suspects)
        self._waiting.drop(pending)

    def _has_nearer(self, pending: PendingStep, asked: Asked) -> bool:
        """Whether another change that waits fits the request better in time; one write made only one of them."""
        distance = abs(pending.step.seen - asked.end)
        near = self._waiting.steps_near(asked, pending.step.place)
        others = (other for other in near if other.step.uid == pending.step.uid)
        return any(
            other is not pending
            and not other.is_certain
            and not other.step.was_ending
            and abs(other.step.seen - asked.end) < distance
            and fit(asked, other.step) is Fit.POSSIBLE
            for other in others
        )

    def _is_end_of_told(self, step: Step) -> bool:
        """Whether an object is gone at last whose deletion is told, and was only waiting for somebody's finalizer."""
        return step.was_ending and any(step.uid in told.uids for told in self._memory.deletions(step))

    def _causes(self, step: Step) -> Iterator[Cause[_Request]]:
        for held in self._waiting.requests_near(step):
            found = fit(held.asked, step)
            if found is not Fit.NONE:
                yield Cause(held, held.asked, held.key, found, held.uids, bool(held.joined), held.is_sure)
        for told in self._memory.requests(step):
            found = Fit.NONE if told.asked is None else fit(told.asked, step)
            if told.asked is not None and found is not Fit.NONE:
                yield Cause(told, told.asked, told.key, found, told.uids, told.is_taken, told.is_sure)

    def _suspects(self, found: Explanation[_Request]) -> tuple[Actor, ...]:
        actors = (
            cause.request.row.actor
            if isinstance(cause.request, PendingRequest)
            else self._teller.actor_of(cause.request)
            for cause in found.among
        )
        return tuple(actor for actor in actors if actor is not None)

    def _candidates(self, limit: float) -> Iterator[Candidate]:
        for step in self._waiting.steps():
            yield Candidate(step, step.due <= limit)
        for request in self._waiting.requests():
            is_due = self._is_due(request, limit)
            if request.is_decided or is_due:
                yield Candidate(request, is_due)

    def _is_due(self, request: PendingRequest, limit: float) -> bool:
        if not request.is_decided:
            is_due = bool(request.joined) or request.due <= limit
        else:
            is_due = request.due <= limit and (bool(request.joined) or request.change_due <= limit)
        asked = request.asked
        return is_due and not any(
            step.due > limit and fit(asked, step.step) for step in self._waiting.steps_near(asked, asked.place)
        )

    def _release(self, item: Item) -> None:
        if isinstance(item, PendingStep):
            self._teller.step(item)
        else:
            self._release_request(item)
        self._waiting.drop(item)

    def _release_request(self, request: PendingRequest) -> None:
        row = self._row_now(request)
        late = [] if request.joined else list(self._told_changes(request))
        if late:
            self._teller.late_causes(request, row, late)
        else:
            self._teller.request(request, row)
        for key in request.keys:
            self._known.add(key)

    def _row_now(self, request: PendingRequest) -> Activity:
        """What the request is, with facts that have come since."""
        if request.is_held_for_facts and request.audited is not None:
            record = request.audited.record
            request.audited = Telling(record, self._translate(record))
            request.refresh()
        return request.row

    def _told_changes(self, request: PendingRequest) -> Iterator[LateCause]:
        """Changes that are told, and were made by this request; of all but a deletion of many, one."""
        for told in sorted(self._memory.steps(request.asked), key=lambda each: each.id):
            if told.step is None or told.asked is not None or not fit(request.asked, told.step):
                continue
            found = explain(told.step, list(self._causes(told.step)))
            if found is not None and found.cause.request is request:
                yield LateCause(told, found.surely, self._suspects(found))
                if request.asked.verb != COLLECTION:
                    return

    def _report_unexplained(self, now: float) -> None:
        for told in self._memory.open_steps():
            step = told.step
            if step is None or any(fit(held.asked, step) for held in self._waiting.requests_near(step)):
                continue
            gap = unexplained(step, self._hearing, now=now)
            if gap is not None:
                self._memory.change(told, is_open=False)
                self._guarded(int(told.id, 16), (), partial(self._teller.gap, gap))

    def _held(self, item: Item, tell: Callable[[], None]) -> None:
        """Do something with what is held; where that fails, tell what joined it, if anything, by itself."""
        if self._guarded(item.inbox[0], own_inbox(item), tell):
            return
        self._waiting.drop(item)
        for change in changes_of(item):
            self._guarded(change.inbox[0], tuple(change.inbox), partial(self._teller.step, change))

    def _guarded(self, sequence: int, inbox: Sequence[int], tell: Callable[[], None]) -> bool:
        """One item must not stop the others: what fails is told as ours, and nothing else of it. Whether it did not."""
        try:
            self._teller.attempt(tell)
        except Exception as error:  # noqa: BLE001 - it is counted, told, and stands in the log as a gap
            self._teller.gap(self._trouble(sequence, error), *inbox)
            return False
        return True
