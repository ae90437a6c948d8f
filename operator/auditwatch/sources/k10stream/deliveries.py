"""What the source hands to the engine: each writes what was read and how far it was read in one transaction.

All are idempotent: events have content keys, and what is read again after a crash is known already.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import msgspec

from auditwatch.events.activity import Gap
from auditwatch.events.audit import AuditRecord
from auditwatch.events.keys import gap_key
from auditwatch.journal.journal import Journal
from auditwatch.sources.k10stream.marks import (
    Position,
    Standing,
    drop_position,
    read_positions,
    read_standing,
    write_position,
    write_standing,
)

_OVERHEAD_BYTES: Final = 200
_ENCODER: Final = msgspec.json.Encoder()


@dataclass(slots=True, kw_only=True)
class Recall:
    """Asks how far everything is read; a stream that was never followed begins now."""

    namespace: str
    now: float
    standing: Standing = field(init=False)
    positions: dict[str, Position] = field(default_factory=dict, init=False)

    @property
    def size(self) -> int:
        """Next to nothing."""
        return _OVERHEAD_BYTES

    def record(self, journal: Journal) -> None:
        """Read the marks."""
        known = read_standing(journal, self.namespace)
        self.standing = known or Standing(began=self.now)
        if known is None:
            write_standing(journal, self.namespace, self.standing)
        self.positions = read_positions(journal, self.namespace)


@dataclass(slots=True, kw_only=True)
class Batch:
    """What was read of one pod's log, what could not be, and how far it is read now; any of them may be missing."""

    namespace: str
    source: str
    records: list[AuditRecord] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    position: Position | None = None
    standing: Standing | None = None
    bytes_read: int = 0
    duplicates: int = field(default=0, init=False)
    """Records that were known already; set by the commit."""

    @property
    def size(self) -> int:
        """Bytes of the lines it was made from."""
        return _OVERHEAD_BYTES + self.bytes_read

    def record(self, journal: Journal) -> None:
        """Receive everything; move the marks."""
        known = [self._is_known(journal, record) for record in self.records]
        for gap in self.gaps:
            journal.receive(key=gap_key(gap), source=self.source, payload=_ENCODER.encode(gap))
        if self.position is not None:
            write_position(journal, self.namespace, self.position)
        if self.standing is not None:
            write_standing(journal, self.namespace, self.standing)
        self.duplicates = sum(known)

    def _is_known(self, journal: Journal, record: AuditRecord) -> bool:
        return not journal.receive(key=record.key, source=self.source, payload=_ENCODER.encode(record))


@dataclass(slots=True, kw_only=True)
class Departure:
    """A pod is gone: what of it was not read is lost, and its position with it."""

    namespace: str
    source: str
    uid: str
    gap: Gap | None

    @property
    def size(self) -> int:
        """Next to nothing."""
        return _OVERHEAD_BYTES

    def record(self, journal: Journal) -> None:
        """Report what is lost; drop the mark."""
        if self.gap is not None:
            journal.receive(key=gap_key(self.gap), source=self.source, payload=_ENCODER.encode(self.gap))
        drop_position(journal, self.namespace, self.uid)
