"""Gives every record a time of the log: an event whose own times are cut off or none gets that of its neighbour.

Done where records come in the order of the log, so that the answer is the same however many processes read it. The
clock of whoever scans says nothing about what happened, and is never taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from auditwatch.detection.audited import time_of
from auditwatch.events.audit import AuditRecord, Degradation
from auditwatch.scan.settling import Place

MAX_HELD: Final = 1_000
"""Records at the beginning of a log that wait for the first time there is; beyond, theirs stays unknown."""
NEVER: Final = 0.0
"""Stands for the time of an event in a log without any."""

Timed = tuple[AuditRecord, Place]


class Timing:
    """The times of one scan. For one thread."""

    def __init__(self) -> None:
        self._of_file: float | None = None
        """Of the last event of this file that has one."""
        self._of_scan: float | None = None
        self._held: list[Timed] = []

    def timed(self, record: AuditRecord, place: Place) -> Iterator[Timed]:
        """The record and those that waited for its time, in order; nothing while it has to wait itself."""
        time = time_of(record.event)
        if time is not None:
            self._of_file = self._of_scan = time
            yield from self._released()
            yield record, place
        elif self._of_file is not None:
            yield _lent(record, self._of_file), place
        else:
            self._held.append((record, place))
            if len(self._held) >= MAX_HELD:
                yield from self._released()

    def end_of_file(self) -> Iterator[Timed]:
        """What waits for a time in vain takes the last one of the files before, if there is one."""
        self._of_file = None
        if self._of_scan is not None:
            yield from self._released()

    def rest(self) -> Iterator[Timed]:
        """At the end of the last file, what found no time in any."""
        yield from self._released()

    def _released(self) -> Iterator[Timed]:
        held, self._held = self._held, []
        for record, place in held:
            yield _lent(record, self._of_scan), place


def is_without_time(record: AuditRecord) -> bool:
    """Whether its time is none of its own."""
    return "TimeBorrowed" in record.degraded or "TimeUnknown" in record.degraded


def _lent(record: AuditRecord, time: float | None) -> AuditRecord:
    """The record as if it had reached us at ``time``, and with a word of that."""
    word: Degradation = "TimeUnknown" if time is None else "TimeBorrowed"
    received = NEVER if time is None else time
    return msgspec.structs.replace(record, received=received, degraded=(*record.degraded, word))
