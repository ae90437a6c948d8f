"""What every table of the journal has in common, so that each can stand in a file of its own."""

from __future__ import annotations

from collections.abc import Callable

from auditwatch.journal.database import Database

Clock = Callable[[], float]
"""Seconds since the epoch, UTC."""


class Table:
    """A part of the journal: statements about one table."""

    def __init__(self, database: Database, clock: Clock, limit_bytes: int) -> None:
        self._db = database
        self._clock = clock
        self.limit_bytes = limit_bytes
        """Size in bytes the journal's file may reach."""
