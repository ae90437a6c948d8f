"""How far a log was read, so that the next start goes on from there under whatever names its files have by then."""

from __future__ import annotations

import msgspec


class FilePosition(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One file. Written as an array, because a hundred of them make one position."""

    name: str
    """The name it had last: a hint for people."""
    device: int
    inode: int
    """A hint as well: the number may belong to another file by now."""
    head: str
    head_length: int
    """The hash of the file's first bytes, and of how many (:mod:`~auditwatch.sources.file.identity`)."""
    offset: int
    """Every line before it was handed over. Counts uncompressed bytes."""
    trail: str
    """The hash of the bytes before ``offset``."""
    size: int
    """Uncompressed bytes there were when it was looked at last; more than ``offset``: the rest was not read yet."""
    ended: bool = False
    """Nothing more is expected: read to its end after a later file had taken its place, or given up as unreadable."""


class Position(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One log: every file of it that may still be seen."""

    files: tuple[FilePosition, ...] = ()
    before: str = ""
    """Backups with a time in their name up to this one are not read: they were there before the first start, or were
    read so many backups ago that they are not remembered one by one."""
    seen: float = 0.0
    """Everything written before this moment (seconds since the epoch) was seen."""


_POSITIONS = msgspec.json.Decoder(Position)


def encode(position: Position) -> bytes:
    """As JSON."""
    return msgspec.json.encode(position)


def decode(data: bytes) -> Position:
    """From JSON. Raises :class:`msgspec.DecodeError` (also for what is JSON, but no position)."""
    return _POSITIONS.decode(data)
