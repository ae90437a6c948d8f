"""The state of detection and of findings, row by row, saved by the transaction that moves the log position."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from auditwatch.journal.table import Table


class Snapshots(Table):
    """Opaque rows by space and key."""

    def snapshots(self, space: str) -> Iterator[tuple[str, bytes]]:
        """Every (key, payload) of a space, in the order of keys."""
        yield from self._db.stream("SELECT key, payload FROM snapshots WHERE space = ? ORDER BY key", (space,))

    def put_snapshots(self, space: str, rows: Mapping[str, bytes | None], *, sequence: int) -> None:
        """Write rows over what was there; ``None`` deletes. ``sequence`` is the log row that made them so."""
        written = [(space, key, payload, sequence) for key, payload in rows.items() if payload is not None]
        deleted = [(space, key) for key, payload in rows.items() if payload is None]
        with self._db.transaction():
            self._db.execute_many(
                "INSERT INTO snapshots (space, key, payload, sequence) VALUES (?, ?, ?, ?) ON CONFLICT (space, key)"
                " DO UPDATE SET payload = excluded.payload, sequence = excluded.sequence",
                written,
            )
            self._db.execute_many("DELETE FROM snapshots WHERE space = ? AND key = ?", deleted)
