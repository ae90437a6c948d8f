"""What was last known of every watched object, so that a change made while nobody looked is still a difference."""

from __future__ import annotations

from auditwatch.journal.capacity import Capacity
from auditwatch.journal.rows import VersionRow

_COLUMNS = "SELECT uid, version, payload, seen, listing, changed FROM versions "


class Versions(Capacity):
    """One row per (kind, uid). ``kind`` is the caller's own name for a kind."""

    def version(self, kind: str, uid: str) -> VersionRow | None:
        """The last version of one object; ``None`` where none is known."""
        row = self._db.execute(_COLUMNS + "WHERE kind = ? AND uid = ?", (kind, uid)).fetchone()
        return VersionRow(*row) if row else None

    def put_version(self, kind: str, row: VersionRow) -> None:
        """Remember ``row`` instead of what was known before. Raises :class:`JournalFullError`."""
        self.demand_room()
        self._db.execute(
            "INSERT INTO versions (kind, uid, version, payload, seen, listing, changed) VALUES (?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (kind, uid) DO UPDATE SET version = excluded.version, payload = excluded.payload,"
            " seen = excluded.seen, listing = excluded.listing, changed = excluded.changed",
            (kind, row.uid, row.version, row.payload, row.seen, row.listing, row.changed),
        )

    def touch_version(self, kind: str, uid: str, *, seen: float, listing: int, changed: float | None) -> bool:
        """Seen again, the same but for when it was written: move its times and listing along.

        False where the object is not known.
        """
        cursor = self._db.execute(
            "UPDATE versions SET seen = ?, listing = ?, changed = ? WHERE kind = ? AND uid = ?",
            (seen, listing, changed, kind, uid),
        )
        return cursor.rowcount == 1

    def drop_version(self, kind: str, uid: str) -> None:
        """Forget one object."""
        self._db.execute("DELETE FROM versions WHERE kind = ? AND uid = ?", (kind, uid))

    def versions_before(self, kind: str, listing: int, *, limit: int) -> list[VersionRow]:
        """Objects the listing with this number did not hold: what is gone once that listing is complete."""
        rows = self._db.execute(
            _COLUMNS + "WHERE kind = ? AND listing < ? ORDER BY listing, uid LIMIT ?",
            (kind, listing, limit),
        )
        return [VersionRow(*row) for row in rows]

    def version_count(self, kind: str) -> int:
        """How many objects of a kind are known."""
        return self._db.number("SELECT count(*) FROM versions WHERE kind = ?", (kind,))
