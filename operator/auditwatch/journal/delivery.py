"""How sources hand over what they saw: they describe it, the engine thread writes it.

The protocols stand in this room because sources may not know the runtime, and the runtime not the sources.
"""

from __future__ import annotations

from typing import Protocol

from auditwatch.journal.journal import Journal


class Delivery(Protocol):
    """Something seen, ready to be recorded."""

    @property
    def size(self) -> int:
        """Bytes held while it waits, as near as is cheap to tell."""
        ...

    def record(self, journal: Journal) -> None:
        """Write it; runs in the engine thread, inside a transaction of its own.

        Must be idempotent: after a crash, or where a commit fails, the same delivery comes again. Whatever it raises
        undoes what it wrote and is raised by :meth:`Intake.put`.
        """
        ...


class Intake(Protocol):
    """Where deliveries go."""

    async def put(self, delivery: Delivery) -> None:
        """Return once the delivery is on disk; waits while the queue is full.

        Raises what ``record`` raised; :class:`JournalFullError` or another :class:`JournalUnavailableError` where
        nothing was recorded and the delivery should be offered again after a pause.
        """
        ...
