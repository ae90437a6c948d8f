"""Letting old rows go, in bites small enough that a commit never waits for one."""

from __future__ import annotations

from auditwatch.journal.table import Table

RETENTION_SECONDS = 7 * 24 * 3600.0
BITE_ROWS = 2_000
"""Log rows removed by one call: a few milliseconds."""


class Pruning(Table):
    """Removes from the oldest end only, so the log stays one unbroken stretch."""

    def prune(self, *, keep_after: float, keep_sequence: int, limit: int = BITE_ROWS) -> int:
        """Remove log rows settled before ``keep_after`` (seconds since the epoch); how many went, at most ``limit``.

        Rows above ``keep_sequence`` (detected up to there, and what came of it saved) stay whatever their age. The
        emptied inbox rows that remembered their keys go with them.
        """
        with self._db.transaction():
            first = self._db.number("SELECT min(sequence) FROM log")
            last = min(keep_sequence, first + limit - 1, self._last_before(keep_after))
            if not first or last < first:
                return 0
            removed = self._db.execute("DELETE FROM log WHERE sequence <= ?", (last,)).rowcount
            self._db.execute("DELETE FROM inbox WHERE settled <= ?", (last,))
        return removed

    def prune_inbox(self, *, keep_after: float, limit: int = BITE_ROWS) -> int:
        """Remove emptied inbox rows received before ``keep_after``; how many went, at most ``limit``.

        Only of a time of which no log row is kept: what settles into none then has nothing to go with.
        """
        with self._db.transaction():
            first = self._db.number("SELECT min(sequence) FROM log")
            following = self._db.number("SELECT seq FROM sqlite_sequence WHERE name = 'log'") + 1
            return self._db.execute(
                "DELETE FROM inbox WHERE sequence IN (SELECT sequence FROM (SELECT sequence, received FROM inbox"
                " WHERE settled < ? ORDER BY settled, sequence LIMIT ?) WHERE received < ?)",
                (first or following, limit, keep_after),
            ).rowcount

    def _last_before(self, keep_after: float) -> int:
        # Walks from the oldest row and stops at the first young one: as long as what can go, never the whole log.
        young = "SELECT sequence FROM log WHERE settled >= ? ORDER BY sequence LIMIT 1"
        first_young = self._db.number(young, (keep_after,))
        return first_young - 1 if first_young else self._db.number("SELECT max(sequence) FROM log")
