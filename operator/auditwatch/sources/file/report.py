"""What is said of each log: the input of visibility, status and metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from auditwatch.sources.file.framing import Line
from auditwatch.sources.file.tail import TailFigures
from auditwatch.sources.file.trouble import State


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReport:
    """One log at one moment. Times are seconds since the epoch, ``None``: never; counts are since the start."""

    source: str
    instance: str
    path: str
    state: State = "Starting"
    message: str = ""
    """What is wrong, and what to do."""
    last_event: float | None = None
    """Stage time of the last event read."""
    last_proof_of_life: float | None = None
    """Everything that was written before this moment was read."""
    lag: float | None = None
    """Seconds since then."""
    lag_bytes: int = 0
    """Bytes that are there and were not read yet."""
    read: int = 0
    """Lines."""
    selected: int = 0
    """Lines that some rule may care about."""
    undecodable: Mapping[str, int] = field(default_factory=dict)
    """What was in selected lines and is no audit event, by reason: NotAnAuditEvent, Torn, Cut, InternalError."""
    degraded: int = 0
    """Events of which not everything could be read."""
    cut: int = 0
    """Lines above the limit, of which head and tail are kept."""
    torn: int = 0
    """Lines that were never finished."""
    gaps: Mapping[str, int] = field(default_factory=dict)
    """Stretches that are or may be lost, by reason."""
    files_open: int = 0
    files_waiting: int = 0
    """Backups that are still to be opened."""
    needles_digest: str = ""
    """The needles in force; empty: everything is read."""


@dataclass(slots=True)
class Tally:
    """Counts since the start; kept by the thread that reads, read by any."""

    read: int = 0
    selected: int = 0
    degraded: int = 0
    cut: int = 0
    torn: int = 0
    last_event: float | None = None
    needles_digest: str = ""
    undecodable: Counter[str] = field(default_factory=Counter)
    gaps: Counter[str] = field(default_factory=Counter)
    message: str = ""
    """Why what was read cannot be handed over; empty: it can."""

    def count(self, lines: list[Line]) -> None:
        """Lines as they were read."""
        self.read += len(lines)
        self.cut += sum(line.form == "Cut" for line in lines)
        self.torn += sum(line.form == "Torn" for line in lines)


def report_of(tally: Tally, figures: TailFigures, *, source: str, instance: str, path: str, now: float) -> FileReport:
    """The report; what keeps lines from being handed over is said before what keeps them from being read."""
    trouble = figures.trouble
    state: State = "Failing" if tally.message else trouble.state if trouble else "Reading"
    return FileReport(
        source=source,
        instance=instance,
        path=path,
        state=state,
        message=tally.message or (trouble.message if trouble else ""),
        last_event=tally.last_event,
        last_proof_of_life=figures.seen or None,
        lag=max(0.0, now - figures.seen) if figures.seen else None,
        lag_bytes=figures.lag_bytes,
        read=tally.read,
        selected=tally.selected,
        undecodable=dict(tally.undecodable),
        degraded=tally.degraded,
        cut=tally.cut,
        torn=tally.torn,
        gaps=dict(tally.gaps),
        files_open=figures.files_open,
        files_waiting=figures.files_waiting,
        needles_digest=tally.needles_digest,
    )
