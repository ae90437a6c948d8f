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


def settle_inbox(journal: Journal, *, cluster: str, problems: Problems, limit: int = BATCH_ROWS) -> int:
    """Settle the oldest inbox rows in one transaction; how many. Raises :class:`JournalError`, having done nothing."""
    rows = journal.unsettled(limit=limit)
    if rows:
        settled = [_ENCODER.encode(_settled(row, cluster, problems)) for row in rows]
        journal.settle(inbox=[row.sequence for row in rows], rows=settled)
    return len(rows)


def _settled(row: InboxRow, cluster: str, problems: Problems) -> LogRow:
    try:
        return settle(_RECORDS.decode(row.payload))
    except Exception as error:  # noqa: BLE001 - one record must not stop those behind it; it is counted and told
        problems.note("settling", error, inbox_sequence=row.sequence, source=row.source)
        return Gap(
            cluster=cluster,
            source=row.source,
            subject="journal/inbox",
            reason="RecordUnreadable",
            message=f"record {row.sequence} of source {row.source} could not be read: {type(error).__name__}",
            start=row.received,
            end=row.received,
        )
