"""The log: the ordered, settled input of detection, and the step by which inbox rows become part of it."""

from __future__ import annotations

from collections.abc import Sequence

from auditwatch.journal.inbox import Inbox
from auditwatch.journal.rows import LogRecord


class Log(Inbox):
    """Only ever appended to; the oldest rows go by pruning."""

    def settle(self, *, inbox: Sequence[int], rows: Sequence[bytes]) -> int:
        """Append ``rows`` and mark the inbox rows they come from, in one transaction; the last log sequence.

        There may be fewer rows than inbox rows (folded) or more (absences found). Raises
        :class:`SettledTwiceError`, and then changes nothing.
        """
        with self._db.transaction():
            now = self._clock()
            self._db.execute_many("INSERT INTO log (settled, payload) VALUES (?, ?)", [(now, row) for row in rows])
            last = self.last_sequence()
            self._mark_settled(inbox, last)
        return last

    def log_after(self, sequence: int, *, limit: int) -> list[LogRecord]:
        """The rows that follow ``sequence``, in order."""
        rows = self._db.stream(
            "SELECT sequence, payload FROM log WHERE sequence > ? ORDER BY sequence LIMIT ?",
            (sequence, limit),
        )
        return [LogRecord(*row) for row in rows]

    def last_sequence(self) -> int:
        """The highest sequence ever given out, pruned rows included; 0 for a new journal."""
        return self._db.number("SELECT seq FROM sqlite_sequence WHERE name = 'log'")
