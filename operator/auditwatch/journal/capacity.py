"""How full the journal is, and when senders are refused, so that a flood fills neither disk nor node silently.

Only what comes from outside is refused. A tenth of the limit is kept for settling and for the state of detection,
which must go on so that rows become removable again.
"""

from __future__ import annotations

from auditwatch.journal.errors import JournalFullError
from auditwatch.journal.table import Table

LIMIT_BYTES = 1 << 30
RESERVED_SHARE = 0.10
"""Share of the limit that senders may not use."""
CROWDED_SHARE = 0.95
"""Share of what senders may use, above which the oldest removable rows go before their time."""


class Capacity(Table):
    """Counts pages in use; free pages inside the file are room, for SQLite fills them first."""

    def used_bytes(self) -> int:
        """Bytes of pages that hold something. The write-ahead log (a few MiB) is not counted."""
        pages = self._db.number("PRAGMA page_count") - self._db.number("PRAGMA freelist_count")
        return pages * self._db.number("PRAGMA page_size")

    def is_crowded(self) -> bool:
        """Whether removable rows should go now, whatever their age."""
        return self.used_bytes() >= self._for_senders() * CROWDED_SHARE

    def is_full(self) -> bool:
        """Whether senders are refused now."""
        return self.used_bytes() >= self._for_senders()

    def demand_room(self) -> None:
        """Raise :class:`JournalFullError` where nothing more may come in."""
        if self.is_full():
            raise JournalFullError(
                self._db.path,
                f"its limit of {self.limit_bytes} bytes is reached",
                "raise journal.limitBytes, or find out why rows are not matched (only those that are make room)",
            )

    def _for_senders(self) -> float:
        return self.limit_bytes * (1 - RESERVED_SHARE)
