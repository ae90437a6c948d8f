"""The inbox into the log, a batch at a time; a record nobody can read becomes a gap there, never nothing.

What the joiner holds stays unsettled in the inbox, and what it remembers is saved by the transaction that settles. So
after a crash, or an error that kept a transaction off the disk, it is made anew from the journal.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, Protocol

import msgspec

from auditwatch.detection.audited import AHEAD_SECONDS
from auditwatch.detection.joiner.arrivals import Arrival, Record
from auditwatch.detection.joiner.joiner import Joiner, Trouble
from auditwatch.events.activity import Activity, Evidence, Gap, LogRow, Revision, StateChange
from auditwatch.events.audit import AuditRecord
from auditwatch.journal.errors import JournalError
from auditwatch.journal.journal import Journal
from auditwatch.journal.rows import InboxRow
from auditwatch.runtime.figures import Problems
from auditwatch.runtime.quarantine import UnsettleableError, culprit
from auditwatch.runtime.reading import PODS, Reading

BATCH_ROWS = 500
SET_BACK_SECONDS = 5.0
"""More than this and somebody set the clock back."""
_ALL = 1 << 62
JOINER = "joiner"
"""Name of the snapshot space."""
_RECORDS: msgspec.json.Decoder[Record] = msgspec.json.Decoder(Record)
_ROWS: msgspec.json.Decoder[LogRow] = msgspec.json.Decoder(LogRow)
_ENCODER = msgspec.json.Encoder()


class Proof(NamedTuple):
    """A request of our own came back: everything up to event time ``time`` has come through this instance."""

    source: str
    instance: str
    evidence: Evidence
    time: float


class OwnRequests(Protocol):
    """Who knows the requests of our own, by which audit sources prove that they are alive."""

    def is_own(self, record: AuditRecord) -> bool:
        """Whether a record is one of them."""
        ...

    def take_proofs(self) -> list[Proof]:
        """What came back since the last call."""
        ...


@dataclass(frozen=True, slots=True)
class NoneOfOurs:
    """Stands where no audit source is proven."""

    def is_own(self, _record: AuditRecord) -> bool:
        """Nothing is ours."""
        return False

    def take_proofs(self) -> list[Proof]:
        """Nothing comes back."""
        return []


class Settler:
    """Takes the inbox in the order of arrival and settles what has waited long enough. For the engine's thread.

    Without a ``reading`` it settles nothing until :meth:`read_with`: events of an earlier life are not read as if this
    were another K10.
    """

    def __init__(
        self,
        journal: Journal,
        *,
        cluster: str,
        problems: Problems,
        reading: Reading | None,
        own: OwnRequests | None = None,
    ) -> None:
        self._journal = journal
        self._cluster = cluster
        self._problems = problems
        self._reading = reading
        self._own = own or NoneOfOurs()
        self._passed: list[int] = []
        self._joiner: Joiner | None = None
        self._taken = 0
        self._news = 0
        self._now = 0.0
        self._failures = 0
        """Times in succession that settling failed as a whole by our own fault."""
        self._failed_at = 0
        """The last inbox row taken when it did."""
        self._quarantined: set[int] = set()
        """Inbox rows with which it fails: a gap stands for each."""

    @property
    def held(self) -> int:
        """How many requests and changes wait."""
        return self._joiner.held if self._joiner is not None else 0

    @property
    def overruns(self) -> int:
        """Times more waited than may, so that nothing could wait, since the joiner was last made anew."""
        return self._joiner.overruns if self._joiner is not None else 0

    def read_with(self, reading: Reading) -> None:
        """Read audit events with these facts from now on; what is held is read again."""
        self._reading = reading
        self._joiner = None

    def step(self, *, now: float, limit: int = BATCH_ROWS) -> int:
        """Take up to ``limit`` inbox rows and settle what is due at ``now``, in one transaction; 0 for nothing.

        Where the clock is set back, what is held waits anew from then. Raises :class:`JournalError`, having done
        nothing, and whatever keeps it from settling that is no row's fault.
        """
        self._be_at(now)
        if self._reading is None:
            return 0
        try:
            moved = self._step(self._reading, limit)
        except JournalError:
            self._joiner = None
            raise
        except Exception as error:  # noqa: BLE001 - it is counted, and tried again without the row at fault
            self._failed(self._reading, error)
            return 1
        self._succeeded()
        return moved

    def _be_at(self, now: float) -> None:
        """Time goes on; small steps back are stood through, and after a larger one nothing waits for the time lost."""
        if now < self._now - SET_BACK_SECONDS:
            self._now, self._joiner = now, None
        self._now = max(self._now, now)

    def _step(self, reading: Reading, limit: int) -> int:
        joiner = self._joiner or self._begin(reading)
        for proof in self._own.take_proofs():
            joiner.alive(proof.source, proof.instance, evidence=proof.evidence, time=proof.time, now=self._now)
        rows = self._journal.unsettled(limit=limit, after=self._taken)
        for row in rows:
            self._take(joiner, reading, row)
        if len(rows) < limit:
            reading.refresh(self._journal)
        if reading.news != self._news:
            self._news = reading.news
            joiner.look_again()
        return max(len(rows), self._settle(joiner, reading))

    def _begin(self, reading: Reading) -> Joiner:
        """A joiner that knows what was saved; it has taken nothing of the inbox yet."""
        reading.prepare(self._journal)
        self._joiner, self._taken = self._new_joiner(reading, self._trouble), 0
        self._passed.clear()
        return self._joiner

    def _new_joiner(self, reading: Reading, trouble: Trouble) -> Joiner:
        joiner = Joiner(
            reading.activity,
            reading.kinds,
            trouble=trouble,
            hold=reading.hold,
            joinable=reading.joinable,
        )
        joiner.restore(self._journal.snapshots(JOINER))
        return joiner

    def _take(self, joiner: Joiner, reading: Reading, row: InboxRow) -> None:
        """Hand a row to the joiner, or what stands in the log for one that cannot be read."""
        self._taken = row.sequence
        try:
            if row.sequence in self._quarantined:
                raise UnsettleableError(row.sequence)
            record = _bounded(_RECORDS.decode(row.payload), row.received + AHEAD_SECONDS)
            if isinstance(record, AuditRecord) and self._own.is_own(record):
                self._passed.append(row.sequence)
                return
            if isinstance(record, StateChange | AuditRecord):
                reading.learn(record)
            joiner.take(self._arrival(row, record))
        except Exception as error:  # noqa: BLE001 - one record must not stop those behind it; it is counted and told
            self._problems.note("settling", error, inbox_sequence=row.sequence, source=row.source)
            gap = unreadable(row.sequence, row.source, row.received, error, cluster=self._cluster)
            joiner.take(self._arrival(row, gap))

    def _arrival(self, row: InboxRow, record: Record) -> Arrival:
        """What came when the clock was ahead came now."""
        return Arrival(row.sequence, min(row.received, self._now), record, len(row.payload))

    def _settle(self, joiner: Joiner, reading: Reading) -> int:
        next_sequence = self._journal.last_sequence() + 1
        settled = joiner.settle(self._now, next_sequence=next_sequence, recall=self._recall)
        remembered = joiner.take_dirty(now=self._now)
        pods, inbox = reading.take_dirty(), list(dict.fromkeys([*settled.inbox, *self._passed]))
        if settled.rows or inbox or remembered or pods:
            with self._journal.transaction():
                self._journal.settle(inbox=inbox, rows=[_ENCODER.encode(row) for row in settled.rows])
                self._journal.put_snapshots(JOINER, remembered, sequence=next_sequence)
                self._journal.put_snapshots(PODS, pods, sequence=next_sequence)
        self._passed.clear()
        return len(inbox)

    def _succeeded(self) -> None:
        """It counts where as much was taken as when it failed; what was put aside is settled then."""
        if self._taken >= self._failed_at:
            self._failures = 0
            self._quarantined.clear()

    def _failed(self, reading: Reading, error: Exception) -> None:
        """Settling failed as a whole: where it does so twice in succession, the row at fault is put aside."""
        self._problems.note("settling", error)
        self._joiner, self._failed_at = None, max(self._failed_at, self._taken)
        self._failures += 1
        if self._failures == 1:
            return
        found = culprit(self._arrivals(), partial(self._would_fail, reading))
        if found is None:
            raise error
        self._quarantined.add(found.sequence)

    def _arrivals(self) -> list[Arrival]:
        """What a joiner would have taken by now, of what can be read and is not put aside."""
        found = []
        for row in self._journal.unsettled(limit=_ALL):
            if row.sequence <= self._taken and row.sequence not in self._quarantined:
                with suppress(Exception):
                    record = _RECORDS.decode(row.payload)
                    if not (isinstance(record, AuditRecord) and self._own.is_own(record)):
                        found.append(self._arrival(row, record))
        return found

    def _would_fail(self, reading: Reading, arrivals: Sequence[Arrival]) -> bool:
        """Whether a joiner that takes these rows alone cannot settle; nothing of it is kept."""
        try:
            joiner = self._new_joiner(reading, self._gap)
            for arrival in arrivals:
                with suppress(Exception):
                    joiner.take(arrival)
            following = self._journal.last_sequence() + 1
            settled = joiner.settle(self._now, next_sequence=following, recall=self._recall)
            joiner.take_dirty(now=self._now)
            _ENCODER.encode(settled.rows)
        except JournalError:
            raise
        except Exception:  # noqa: BLE001 - that is the question
            return True
        return False

    def _recall(self, sequence: int) -> Activity | None:
        """What a row of the log tells of; ``None`` where it was pruned."""
        for record in self._journal.log_after(sequence - 1, limit=1):
            if record.sequence == sequence:
                row = _ROWS.decode(record.payload)
                return row.activity if isinstance(row, Revision) else None if isinstance(row, Gap) else row
        return None

    def _trouble(self, sequence: int, error: Exception) -> Gap:
        """What stands for an item that could not be settled; what the journal cannot do is no item's fault."""
        if isinstance(error, JournalError):
            raise error
        self._problems.note("settling", error, inbox_sequence=sequence)
        return self._gap(sequence, error)

    def _gap(self, sequence: int, error: Exception) -> Gap:
        return unreadable(sequence, "journal", self._now, error, cluster=self._cluster)


def _bounded(record: Record, latest: float) -> Record:
    """A sender's word about its own gaps is not believed of the future; events are bounded where they are read."""
    if not isinstance(record, Gap) or record.end <= latest:
        return record
    return msgspec.structs.replace(record, start=min(record.start, latest), end=latest)


def unreadable(sequence: int, source: str, received: float, error: Exception, *, cluster: str) -> Gap:
    """The gap that stands in the log for a record nobody could read."""
    return Gap(
        cluster=cluster,
        source=source,
        subject="journal/inbox",
        reason="RecordUnreadable",
        message=f"record {sequence} of source {source} could not be read: {type(error).__name__}",
        start=received,
        end=received,
    )
