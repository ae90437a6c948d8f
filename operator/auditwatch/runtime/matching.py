"""From the log to findings: what was observed, and all it changed, moves in one transaction with the log position."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import msgspec

from auditwatch.detection.signal import Signal
from auditwatch.events.activity import LogRow
from auditwatch.journal.journal import Journal
from auditwatch.journal.rows import LogRecord
from auditwatch.runtime.figures import Problems

BATCH_ROWS = 200
"""Rows matched between two looks at the mailbox: commits come before matching."""
DETECTED = "detected"
"""Name of the mark: the last log sequence whose effects are saved."""
WINDOWS, FINDINGS = "windows", "findings"
"""Names of the snapshot spaces."""

Rows = dict[str, bytes | None]
OnDirty = Callable[[int, Mapping[str, bytes | None]], None]
"""Told in the engine thread, after the commit: the log sequence reached, and each finding that changed (key → encoded
state, ``None`` where it is gone). Must return at once."""

_ROWS: msgspec.json.Decoder[LogRow] = msgspec.json.Decoder(LogRow)


class DetectorLike(Protocol):
    """What the engine needs of the detector."""

    def install(self, rule_set: Any, *, in_force_from: Mapping[str, int], at: float | None = None) -> None:
        """Put a rule set in force, each rule (by digest) for rows above its log sequence.

        What it takes the place of is still asked about what happened before ``at``.
        """
        ...

    def remove(self, watch: str, *, at: float | None = None) -> None:
        """Take a watch's rules out of force, for what happens from ``at`` on."""
        ...

    def end_formers(self, *, before: float) -> None:
        """Ask no longer what was taken out of force before this time."""
        ...

    def observe(self, sequence: int, row: LogRow) -> list[Signal]:
        """Match one row."""
        ...

    def restore(self, rows: Iterable[tuple[str, bytes]]) -> None:
        """Take up saved windows."""
        ...

    def take_dirty(self) -> Rows:
        """Windows changed since the last call."""
        ...


class LedgerLike(Protocol):
    """What the engine needs of the ledger of findings."""

    def restore(self, rows: Iterable[tuple[str, bytes]]) -> None:
        """Take up saved findings."""
        ...

    def apply(self, signals: Iterable[Signal]) -> None:
        """Count signals into findings."""
        ...

    def take_dirty(self) -> Rows:
        """Findings changed since the last call."""
        ...

    def end_formers(self, *, before: float) -> None:
        """Show no longer by what an AuditWatch said before this time."""
        ...


class Matcher:
    """Reads the log once, in order. What could not be saved is kept and saved later, never observed again."""

    def __init__(
        self, journal: Journal, detector: DetectorLike, ledger: LedgerLike, *, problems: Problems, on_dirty: OnDirty
    ) -> None:
        self._journal = journal
        self._detector = detector
        self._ledger = ledger
        self._problems = problems
        self._on_dirty = on_dirty
        self._windows: Rows = {}
        self._findings: Rows = {}
        self._observed = self.detected = journal.position(DETECTED)
        """``detected``: the last sequence whose effects are saved."""

    def step(self, *, limit: int = BATCH_ROWS) -> int:
        """Match the next rows and save what they changed; how many. Raises :class:`JournalError` if not saved."""
        self.save()
        records = self._journal.log_after(self._observed, limit=limit)
        for record in records:
            self._observe(record)
        self.save()
        return len(records)

    def save(self) -> int:
        """Write what changed since the last save, in one transaction, and tell; 1 if there was anything, else 0.

        Raises :class:`JournalError`, and keeps it all for the next call.
        """
        self._windows.update(self._detector.take_dirty())
        self._findings.update(self._ledger.take_dirty())
        if not (self._windows or self._findings or self._observed != self.detected):
            return 0
        with self._journal.transaction():
            self._journal.put_snapshots(WINDOWS, self._windows, sequence=self._observed)
            self._journal.put_snapshots(FINDINGS, self._findings, sequence=self._observed)
            self._journal.set_position(DETECTED, self._observed)
        self.detected = self._observed
        told, self._findings, self._windows = self._findings, {}, {}
        self._tell(told)
        return 1

    def _observe(self, record: LogRecord) -> None:
        self._observed = record.sequence
        try:
            self._ledger.apply(self._detector.observe(record.sequence, _ROWS.decode(record.payload)))
        except Exception as error:  # noqa: BLE001 - one row must not stop detection; it is counted and told
            self._problems.note("matching", error, sequence=record.sequence)

    def _tell(self, findings: Rows) -> None:
        try:
            self._on_dirty(self.detected, findings)
        except Exception as error:  # noqa: BLE001 - the listener's failure is not detection's
            self._problems.note("telling", error, sequence=self.detected)
