"""How far a stream got, as one mark in the journal. It moves only together with what was seen up to there."""

from __future__ import annotations

import msgspec

from auditwatch.journal.journal import Journal
from auditwatch.sources.state.streams import Stream


class Mark(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything a restart has to know."""

    version: str = ""
    """resourceVersion to resume the watch from; empty: there is none."""
    observed: float = 0.0
    """Last proof of life, seconds since the epoch: the journal's versions were the truth at this moment."""
    listing: int = 0
    """Number of the last finished listing; 0: there never was one, so nothing is known to compare with."""
    started: int = 0
    """Number of the last listing that began; numbers are never used twice."""


_MARKS = msgspec.json.Decoder(Mark)


def read_mark(journal: Journal, stream: Stream) -> Mark:
    """The stream's mark; a fresh one where there is none."""
    value = journal.mark(_name(stream))
    return _MARKS.decode(value) if value else Mark()


def write_mark(journal: Journal, stream: Stream, mark: Mark) -> None:
    """Set the stream's mark, inside whatever transaction is running."""
    journal.set_mark(_name(stream), msgspec.json.encode(mark))


def _name(stream: Stream) -> str:
    return f"state/{stream.key}"
