"""Named small values: how far each reader got, what is in force since when. They move in their reader's transaction."""

from __future__ import annotations

from auditwatch.journal.table import Table

_BEYOND = "\U0010ffff"
"""Sorts behind every character a name can hold."""


class Marks(Table):
    """Bytes by name; a *position* is a mark that holds a sequence in decimal digits."""

    def mark(self, name: str) -> bytes | None:
        """The value under a name; ``None`` where there is none."""
        row = self._db.execute("SELECT value FROM marks WHERE name = ?", (name,)).fetchone()
        return bytes(row[0]) if row else None

    def set_mark(self, name: str, value: bytes) -> None:
        """Write a value over what was there."""
        self._db.execute(
            "INSERT INTO marks (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name, value),
        )

    def drop_mark(self, name: str) -> None:
        """Forget a name."""
        self._db.execute("DELETE FROM marks WHERE name = ?", (name,))

    def marks(self, prefix: str) -> dict[str, bytes]:
        """Every mark whose name begins with ``prefix``, in the order of names."""
        rows = self._db.execute(
            "SELECT name, value FROM marks WHERE name >= ? AND name < ? ORDER BY name",
            (prefix, prefix + _BEYOND),
        )
        return dict(rows.fetchall())

    def position(self, name: str) -> int:
        """A mark read as a sequence; 0 where it was never set."""
        return int(self.mark(name) or b"0")

    def set_position(self, name: str, sequence: int) -> None:
        """Write a sequence so that :meth:`position` reads it."""
        self.set_mark(name, b"%d" % sequence)
