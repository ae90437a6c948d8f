"""Takes records in: puts the tellings of one request together, and says until when each thing held has to wait.

Nothing is decided here that could have been decided otherwise had the records come in another order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from auditwatch.detection.audited import heard_time, request_key
from auditwatch.detection.joiner.arrivals import Arrival
from auditwatch.detection.joiner.asking import Asked, asked_of
from auditwatch.detection.joiner.clearing import Deletions
from auditwatch.detection.joiner.fitting import Fit, fit, verbs_behind
from auditwatch.detection.joiner.hearing import Hearing
from auditwatch.detection.joiner.kinds import Kinds
from auditwatch.detection.joiner.known import KnownKeys
from auditwatch.detection.joiner.merging import with_relay
from auditwatch.detection.joiner.pairing import is_same_request, nearest
from auditwatch.detection.joiner.pending import PendingRequest, PendingStep, Telling
from auditwatch.detection.joiner.steps import Step, step_of
from auditwatch.detection.joiner.telling import Teller
from auditwatch.detection.joiner.told import Memory, Told
from auditwatch.detection.joiner.waiting import Waiting
from auditwatch.detection.settle import settle
from auditwatch.events.activity import Activity, Gap, StateChange
from auditwatch.events.audit import AuditRecord
from auditwatch.events.derived import is_decisive

CHANGE_SECONDS: Final = 2.0
"""How long a request waits for its change, and for the record of the server behind."""
COMPLETION_SECONDS: Final = 60.0
"""How long a request may take (kube-apiserver's ``--request-timeout``) before its end is not waited for any more."""

Translate = Callable[[AuditRecord], Activity]
Hold = Callable[[Activity], float]
"""Seconds to wait for facts slower than the activity."""


@dataclass(frozen=True, slots=True)
class Ready:
    """What can be told whatever else comes."""

    sequence: int
    """The inbox row it was read from."""
    inbox: tuple[int, ...]
    """The inbox rows that are done when it is told."""
    tell: Callable[[], None]


class Receiver:
    """The joiner's way in. What can be told whatever else comes goes to ``ready``.

    Whatever may raise comes before what is held is changed, so that a record that cannot be read costs none of it.
    """

    def __init__(
        self,
        translate: Translate,
        kinds: Kinds,
        hold: Hold,
        *,
        waiting: Waiting,
        hearing: Hearing,
        memory: Memory,
        known: KnownKeys,
        deletions: Deletions,
        teller: Teller,
    ) -> None:
        self._translate = translate
        self._kinds = kinds
        self._hold = hold
        self._waiting = waiting
        self._hearing = hearing
        self._memory = memory
        self._known = known
        self._deletions = deletions
        self._teller = teller
        self.ready: list[Ready] = []

    def take(self, arrival: Arrival) -> None:
        """Take one inbox row. Raises what translating an audit event raises; the row is then not held."""
        record = arrival.record
        if isinstance(record, Gap):
            self._tell(arrival, partial(self._teller.gap, record))
        elif isinstance(record, StateChange):
            self._take_change(arrival, record)
        else:
            self._take_record(arrival, record)

    def look_again(self, pending: PendingRequest) -> None:
        """Read a request again that is held for facts, and hold it no longer where they have come."""
        if pending.audited is None:
            return
        record = pending.audited.record
        row = self._translate(record)
        if self._hold(row) > 0:
            return
        known = pending.with_tellings(audited=Telling(record, row))
        known.is_held_for_facts = False
        self._wait_on(known, pending.arrived, instead_of=pending)

    def pair(self, front: PendingRequest, behind: PendingRequest) -> None:
        """Both are one request: what the server behind recorded goes into what the API server told of."""
        both = front.with_tellings(relay=behind.relay)
        both.inbox += behind.inbox
        both.keys += [key for key in behind.keys if key not in front.keys]
        both.joined += behind.joined
        self._waiting.drop(behind)
        self._waiting.drop(front)
        self._waiting.put_request(both)

    def _tell(self, arrival: Arrival, tell: Callable[[int], None]) -> None:
        """What is told when it is settled next, and settles this inbox row."""
        sequence = arrival.sequence
        self.ready.append(Ready(sequence, (sequence,), partial(tell, sequence)))

    def _take_change(self, arrival: Arrival, change: StateChange) -> None:
        row = settle(change)
        assert isinstance(row, Activity)
        made = step_of(change, row)
        kinds = [(change.group, change.resource, verb) for verb in verbs_behind(made)]
        step = PendingStep(
            inbox=[arrival.sequence],
            arrived=arrival.received,
            due=arrival.received + self._hearing.wait_for_cause(kinds, arrival.received),
            step=made,
            row=row,
        )
        step.is_certain = self._has_certain_cause(step.step)
        if step.is_certain:
            step.due = arrival.received
        else:
            self._waiting.put_in_order(step)
        self._waiting.put_step(step)

    def _has_certain_cause(self, step: Step) -> bool:
        asked = [held.asked for held in self._waiting.requests_of_version(step)]
        asked += [told.asked for told in self._memory.of_version(step) if told.asked is not None]
        return any(fit(each, step) is Fit.CERTAIN for each in asked)

    def _take_record(self, arrival: Arrival, record: AuditRecord) -> None:
        key, is_final = request_key(record), is_decisive(record.event)
        pending = self._waiting.by_key(key)
        is_needed = is_final or (pending is None and key not in self._known)
        row = self._translate(record) if is_needed else None
        self._hear(arrival, record, row if is_final else None)
        telling = None if row is None else Telling(record, row)
        if pending is not None:
            self._add(pending, arrival, key, telling)
        elif key in self._known:
            self._take_late(arrival, key, telling)
        elif telling is not None:
            self._begin(arrival, key, telling, is_final=is_final)

    def _hear(self, arrival: Arrival, record: AuditRecord, row: Activity | None) -> None:
        self._hearing.heard(record, heard_time(record), arrival.received)
        if row is None:
            return
        self._hearing.proved(record, row)
        deletion = self._deletions.note(row)
        if deletion is not None:
            self.ready.append(Ready(arrival.sequence, (), partial(self._teller.blame, deletion)))

    def _begin(self, arrival: Arrival, key: str, telling: Telling, *, is_final: bool) -> None:
        """The first telling with this key: of a request the other server told of, or of a new one."""
        asked = asked_of(telling.record, telling.row)
        evidence = telling.record.evidence
        partner = nearest(asked, ((held.asked, held) for held in self._waiting.partners(asked, evidence)))
        if partner is not None and (is_final or evidence == "Audited"):
            self._add(partner, arrival, key, telling, is_final=is_final)
            return
        told = self._told_partner(asked, telling) if is_final else None
        if told is not None:
            self._take_late_partner(arrival, key, told, telling)
            return
        pending = PendingRequest(
            inbox=[arrival.sequence],
            arrived=arrival.received,
            key=key,
            keys=[key],
            begun=None if is_final else telling,
            audited=telling if is_final and evidence == "Audited" else None,
            relay=telling if is_final and evidence != "Audited" else None,
        )
        self._wait_on(pending, arrival.received)

    def _add(
        self, pending: PendingRequest, arrival: Arrival, key: str, telling: Telling | None, *, is_final: bool = True
    ) -> None:
        """One more telling of a request that is held."""
        if telling is None:
            pending.inbox.append(arrival.sequence)
            return
        known = _with_telling(pending, telling, is_final=is_final)
        known.inbox.append(arrival.sequence)
        if key not in known.keys:
            known.keys.append(key)
        if telling.record.evidence == "Audited":
            known.key = key
        self._wait_on(known, arrival.received, instead_of=pending)

    def _wait_on(self, pending: PendingRequest, received: float, *, instead_of: PendingRequest | None = None) -> None:
        """Hold it, until it has waited for another telling, for slower facts and for its change."""
        asked, hearing = pending.asked, self._hearing
        _, group, resource, namespace, _ = asked.place
        hold = self._hold(pending.row) if pending.is_decided else 0.0
        wait = 0.0
        if not pending.is_decided:
            wait = COMPLETION_SECONDS + hearing.wait_for_event(received)
        elif pending.audited is None:
            wait = hearing.wait_for_event(received)
        elif pending.relay is None and not asked.is_whole and hearing.is_relayed(group, resource, received):
            wait = CHANGE_SECONDS
        pending.is_held_for_facts = pending.is_held_for_facts or hold > 0
        pending.due = received + max(wait, hold)
        waits = asked.writes and not asked.is_whole and self._kinds.shows(group, resource, namespace)
        pending.change_due = received + (CHANGE_SECONDS if waits else 0.0)
        made = [step for step in self._waiting.steps_of_version(asked) if fit(asked, step.step) is Fit.CERTAIN]
        if instead_of is not None:
            self._waiting.drop(instead_of)
        self._waiting.put_request(pending)
        for step in made:
            self._waiting.make_certain(step, received)

    def _take_late(self, arrival: Arrival, key: str, telling: Telling | None) -> None:
        """A stage of a request that is told: it says something new only where the end was not known."""
        told = self._memory.by_key(key)
        is_open = told is not None and told.asked is not None and told.asked.outcome == "Unknown"
        if told is None or telling is None or not is_open or telling.row.outcome == "Unknown":
            self._tell(arrival, self._teller.nothing)
            return
        told = self._memory.change(told, asked=asked_of(telling.record, telling.row))
        self._tell(arrival, partial(self._teller.late_telling, told, _adding(telling.row)))

    def _told_partner(self, asked: Asked, telling: Telling) -> Told | None:
        evidence = telling.record.evidence
        found = [
            (told.asked, told)
            for told in self._memory.by_audit_id(asked.audit_id, evidence)
            if told.asked is not None and not told.is_relayed and told.evidence != evidence
        ]
        is_front = evidence == "Audited"
        same = [
            (other, told)
            for other, told in found
            if (is_same_request(asked, other) if is_front else is_same_request(other, asked))
        ]
        return nearest(asked, same)

    def _take_late_partner(self, arrival: Arrival, key: str, told: Told, telling: Telling) -> None:
        is_open = told.asked is not None and told.asked.outcome == "Unknown"
        asked = asked_of(telling.record, telling.row) if is_open else told.asked
        told = self._memory.change(told, asked=asked, is_relayed=True)
        self._known.add(key)
        self._tell(arrival, partial(self._teller.late_telling, told, _adding(telling.row)))


def _with_telling(pending: PendingRequest, telling: Telling, *, is_final: bool) -> PendingRequest:
    if not is_final:
        return pending.with_tellings(begun=telling)
    if telling.record.evidence != "Audited":
        return pending.with_tellings(relay=_better(pending.relay, telling))
    return pending.with_tellings(audited=_better(pending.audited, telling))


def _better(known: Telling | None, telling: Telling) -> Telling:
    return telling if known is None or telling.is_better_than(known) else known


def _adding(row: Activity) -> Callable[[Activity], Activity]:
    """Adds a telling to what was told: what the API server says of who and how comes before what another says."""
    if row.evidence == "Audited":
        return lambda former: with_relay(row, former)
    return lambda former: with_relay(former, row)
