"""What the source hands to the engine: events, gaps and the position behind them, all in one transaction.

Idempotent: received again, the same lines have the same keys. The position moves only with what lies before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from auditwatch.events.activity import Gap
from auditwatch.events.keys import gap_key
from auditwatch.journal.journal import Journal
from auditwatch.sources.file.decoding import Row
from auditwatch.sources.file.position import Position

_OVERHEAD_BYTES = 200


class Progress(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The mark of one log."""

    position: Position
    needles: str = ""
    """Digest of the needles by which what lies before the position was chosen last; empty: all of it was read."""


_PROGRESS = msgspec.json.Decoder(Progress)


def mark_of(source: str, instance: str) -> str:
    """Name of the mark."""
    return f"file/{source}/{instance}"


@dataclass(slots=True, kw_only=True)
class Recall:
    """Asks how far the log was read; changes nothing."""

    mark: str
    progress: Progress | None = field(default=None, init=False)
    problem: str = field(default="", init=False)

    @property
    def size(self) -> int:
        """Next to nothing."""
        return _OVERHEAD_BYTES

    def record(self, journal: Journal) -> None:
        """Read the mark; one that cannot be read is as none, which costs a second reading and loses nothing."""
        value = journal.mark(self.mark)
        try:
            self.progress = _PROGRESS.decode(value) if value else None
        except msgspec.DecodeError as error:
            self.problem = str(error)


@dataclass(slots=True, kw_only=True)
class Advance:
    """Some events, and how far the log was read with them."""

    source: str
    mark: str
    progress: Progress
    rows: Sequence[Row] = ()
    gaps: Sequence[Gap] = ()
    added: int = field(default=0, init=False)
    """Events that were not known already."""

    @property
    def size(self) -> int:
        """Bytes of all payloads."""
        return _OVERHEAD_BYTES + sum(len(row.payload) + _OVERHEAD_BYTES for row in self.rows)

    def record(self, journal: Journal) -> None:
        """Write the events, then the mark."""
        rows = [*self.rows, *(Row(gap_key(gap), msgspec.json.encode(gap)) for gap in self.gaps)]
        self.added = sum(journal.receive(key=row.key, source=self.source, payload=row.payload) for row in rows)
        journal.set_mark(self.mark, msgspec.json.encode(self.progress))
