"""From selected lines to what the inbox takes: unwrapped, decoded, redacted, encoded; what is none is counted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec
import structlog

from auditwatch.events.audit import Seen, unseen
from auditwatch.events.decode import NOT_AN_EVENT, OUR_FAULT, NotAnAuditEventError, decode
from auditwatch.events.records import record_of
from auditwatch.events.redaction import Redactor
from auditwatch.events.unwrap import unwrap
from auditwatch.sources.file.framing import Line

log = structlog.get_logger()


class Row(NamedTuple):
    """One record, encoded, under its content key."""

    key: str
    payload: bytes


class Unreadable(NamedTuple):
    """Something in a line that is no audit event."""

    reason: str
    """NotAnAuditEvent, Torn (its other half is missing), Cut (too long), InternalError."""
    offset: int
    problem: str


@dataclass(slots=True)
class Reading:
    """What a batch held."""

    rows: list[Row] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    degraded: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoding:
    """Where the events are from, and what hides their secrets."""

    cluster: str
    source: str
    instance: str
    redactor: Redactor
    seen: Seen = unseen

    def read(self, lines: Iterable[Line], *, received: float) -> Reading:
        """Every event in ``lines``; no line can stop the ones behind it. ``received``: seconds since the epoch."""
        reading = Reading()
        for line in lines:
            self._read_line(line, reading, received)
        return reading

    def _read_line(self, line: Line, reading: Reading, received: float) -> None:
        try:
            for raw in unwrap(line.data):
                self._read_event(raw, line, reading, received)
        except Exception as error:  # noqa: BLE001 - a defect met in one line must not cost the others; it is told
            log.critical("line not read", offset=line.offset, error=repr(error))
            reading.unreadable.append(Unreadable(OUR_FAULT, line.offset, type(error).__name__))

    def _read_event(self, raw: bytes, line: Line, reading: Reading, received: float) -> None:
        try:
            decoded = decode(raw)
        except NotAnAuditEventError as error:
            reason = NOT_AN_EVENT if line.form == "Whole" else line.form
            reading.unreadable.append(Unreadable(reason, line.offset, str(error)))
            return
        record = record_of(
            decoded,
            cluster=self.cluster,
            source=self.source,
            instance=self.instance,
            received=received,
            redactor=self.redactor,
        )
        self.seen(record)
        reading.degraded += bool(record.degraded)
        reading.rows.append(Row(record.key, msgspec.json.encode(record)))
