"""What goes into the joiner, and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from auditwatch.events.activity import Gap, LogRow, StateChange
from auditwatch.events.audit import AuditRecord

Record = StateChange | Gap | AuditRecord
"""What sources put into the inbox."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One row of the inbox."""

    sequence: int
    received: float
    """When it was committed, seconds since the epoch."""
    record: Record
    size: int = 0
    """Bytes it has in the inbox."""


@dataclass(slots=True)
class Settled:
    """Rows for the log, in their order, and the inbox rows that are done with them. Both go in one transaction."""

    rows: list[LogRow] = field(default_factory=list)
    inbox: list[int] = field(default_factory=list)
