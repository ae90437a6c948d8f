"""The shapes in which rows leave the journal. Payloads are opaque bytes: the journal knows no JSON."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class InboxRow:
    """What arrived, not yet settled."""

    sequence: int
    source: str
    payload: bytes
    received: float
    """Seconds since the epoch at which it was recorded."""


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One row of the ordered, settled input of detection. Sequences rise by one and are never used twice."""

    sequence: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class VersionRow:
    """What was last known of one watched object."""

    uid: str
    version: str
    """Its resourceVersion, opaque."""
    payload: bytes
    seen: float
    """Seconds since the epoch of the last observation."""
    listing: int
    """Number of the listing (or of the listing before the watch event) that last held it."""
    changed: float | None = None
    """The server's own time of its last write, seconds since the epoch, where it wrote one."""


@dataclass(frozen=True, slots=True)
class SetAside:
    """A damaged journal that was moved away at opening, so that a new one could begin."""

    path: Path
    """Where the old file is now."""
    problem: str
    last_written: float
    """Its modification time, seconds since the epoch: the last proof of life of what it held."""
