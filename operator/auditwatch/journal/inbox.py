"""What arrived: each record once, whatever its source repeats, until it is settled into the log."""

from __future__ import annotations

from collections.abc import Sequence

from auditwatch.journal.capacity import Capacity
from auditwatch.journal.errors import SettledTwiceError
from auditwatch.journal.rows import InboxRow


class Inbox(Capacity):
    """Rows in the order they arrived."""

    def receive(self, *, key: str, source: str, payload: bytes) -> bool:
        """Record what arrived under its content key; False where the key is known already.

        A key is known for as long as the log row it was settled into is kept. Raises :class:`JournalFullError`.
        """
        self.demand_room()
        cursor = self._db.execute(
            "INSERT INTO inbox (key, source, payload, received) VALUES (?, ?, ?, ?) ON CONFLICT (key) DO NOTHING",
            (key, source, payload, self._clock()),
        )
        return cursor.rowcount == 1

    def unsettled(self, *, limit: int, after: int = 0) -> list[InboxRow]:
        """The oldest rows that are not settled and whose sequence is above ``after``, in the order of arrival."""
        rows = self._db.execute(
            "SELECT sequence, source, payload, received FROM inbox"
            " WHERE settled IS NULL AND sequence > ? ORDER BY sequence LIMIT ?",
            (after, limit),
        )
        return [InboxRow(*row) for row in rows]

    def unsettled_count(self) -> int:
        """How many rows wait to be settled."""
        return self._db.number("SELECT count(*) FROM inbox WHERE settled IS NULL")

    def _mark_settled(self, inbox: Sequence[int], log_sequence: int) -> None:
        changed = self._db.execute_many(
            "UPDATE inbox SET settled = ?, payload = x'' WHERE sequence = ? AND settled IS NULL",
            [(log_sequence, sequence) for sequence in inbox],
        )
        if inbox and changed != len(inbox):
            problem = f"{len(inbox) - changed} of {len(inbox)} inbox rows are settled already"
            raise SettledTwiceError(self._db.path, problem, "this is a defect of the program, please report it")
