"""What the source hands over: records of audit events, encoded already, known to the inbox by their content."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from auditwatch.journal.journal import Journal
from auditwatch.sources.webhook.reading import Row


@dataclass(frozen=True, slots=True)
class Batch:
    """Some records of one request; received again they change nothing."""

    source: str
    rows: Sequence[Row]
    size: int

    def record(self, journal: Journal) -> None:
        """See :class:`auditwatch.journal.delivery.Delivery`."""
        journal.receive_all(self.rows, source=self.source)
