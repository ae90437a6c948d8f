"""What arrived: each record once, whatever its source repeats, until it is settled into the log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from auditwatch.journal.capacity import Capacity
from auditwatch.journal.errors import SettledTwiceError
from auditwatch.journal.rows import InboxRow

CHECKED_BYTES = 128 << 10
"""Of payloads between two looks at how full the journal is."""
_INSERT = "INSERT INTO inbox (key, source, payload, received) VALUES (?, ?, ?, ?) ON CONFLICT (key) DO NOTHING"


class Inbox(Capacity):
    """Rows in the order they arrived."""

    def receive(self, *, key: str, source: str, payload: bytes) -> bool:
        """Record what arrived under its content key; False where the key is known already.

        A key is known for as long as the log row it was settled into is kept. Raises :class:`JournalFullError`.
        """
        return self.receive_all([(key, payload)], source=source) == 1

    def receive_all(self, rows: Iterable[tuple[str, bytes]], *, source: str) -> int:
        """Record many (key, payload), as :meth:`receive` does; how many were not known. Faster than one by one."""
        new, now = 0, self._clock()
        for part in _parts(rows):
            self.demand_room()
            new += self._db.execute_many(_INSERT, [(key, source, payload, now) for key, payload in part])
        return new

    def unsettled(self, *, limit: int, after: int = 0) -> list[InboxRow]:
        """The oldest rows that are not settled and whose sequence is above ``after``, in the order of arrival."""
        rows = self._db.stream(
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


def _parts(rows: Iterable[tuple[str, bytes]]) -> Iterator[list[tuple[str, bytes]]]:
    """The rows in order, :data:`CHECKED_BYTES` at a time."""
    part: list[tuple[str, bytes]] = []
    size = 0
    for row in rows:
        part.append(row)
        size += len(row[1])
        if size >= CHECKED_BYTES:
            yield part
            part, size = [], 0
    if part:
        yield part
