"""The inbox into the log, a batch at a time; a record nobody can read becomes a gap there, never nothing."""

from __future__ import annotations

import msgspec

from auditwatch.detection.settle import settle
from auditwatch.events.activity import Gap, LogRow, Record
from auditwatch.journal.journal import Journal
from auditwatch.journal.rows import InboxRow
from auditwatch.runtime.figures import Problems

BATCH_ROWS = 500
_RECORDS: msgspec.json.Decoder[Record] = msgspec.json.Decoder(Record)
_ENCODER = msgspec.json.Encoder()


class Settler:
    """Settles the oldest inbox rows first. For the engine's thread."""

    def __init__(self, journal: Journal, *, cluster: str, problems: Problems) -> None:
        self._journal = journal
        self._cluster = cluster
        self._problems = problems

    def step(self, *, limit: int = BATCH_ROWS) -> int:
        """Settle up to ``limit`` inbox rows in one transaction; how many.

        Raises :class:`JournalError`, having done nothing.
        """
        rows = self._journal.unsettled(limit=limit)
        if rows:
            settled = [_ENCODER.encode(self._settled(row)) for row in rows]
            self._journal.settle(inbox=[row.sequence for row in rows], rows=settled)
        return len(rows)

    def _settled(self, row: InboxRow) -> LogRow:
        try:
            return settle(_RECORDS.decode(row.payload))
        except Exception as error:  # noqa: BLE001 - one record must not stop those behind it; it is counted and told
            self._problems.note("settling", error, inbox_sequence=row.sequence, source=row.source)
            return unreadable(row, error, cluster=self._cluster)


def unreadable(row: InboxRow, error: Exception, *, cluster: str) -> Gap:
    """The gap that stands in the log for a record nobody could read."""
    return Gap(
        cluster=cluster,
        source=row.source,
        subject="journal/inbox",
        reason="RecordUnreadable",
        message=f"record {row.sequence} of source {row.source} could not be read: {type(error).__name__}",
        start=row.received,
        end=row.received,
    )
