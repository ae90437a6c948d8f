"""One SQLite connection: statements, transactions that nest, and errors in the journal's own words.

Kept apart from the tables so that what a transaction promises stands in one place.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from auditwatch.journal.errors import JournalCorruptError, JournalError, TransactionLostError, translated

Value = str | bytes | int | float | None


class Database:
    """Owned by the thread that made it. ``commits`` counts transactions that wrote and reached the disk."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self.commits = 0
        self.damage: JournalCorruptError | None = None
        """The first sign that the file's pages contradict each other; what is written from then on is worth nothing."""
        self._connection = connection
        self._depth = 0
        self._changes_before = 0

    def execute(self, statement: str, values: Sequence[Value] = ()) -> sqlite3.Cursor:
        """Run one statement. Raises :class:`JournalError` where the file is at fault."""
        try:
            return self._connection.execute(statement, values)
        except sqlite3.Error as error:
            raise self._told(error) from error

    def stream(self, statement: str, values: Sequence[Value] = ()) -> Iterator[Any]:
        """The rows of a query, one by one. Raises as :meth:`execute` does, also between two rows."""
        rows = self.execute(statement, values)
        try:
            yield from rows
        except sqlite3.Error as error:
            raise self._told(error) from error

    def execute_many(self, statement: str, rows: Iterable[Sequence[Value]]) -> int:
        """Run one prepared statement per row; how many rows it changed in all."""
        try:
            return self._connection.executemany(statement, rows).rowcount
        except sqlite3.Error as error:
            raise self._told(error) from error

    def _told(self, error: sqlite3.Error) -> Exception:
        told = translated(self.path, error)
        if isinstance(told, JournalCorruptError) and self.damage is None:
            self.damage = told
            with suppress(OSError):
                suspicion(self.path).touch(mode=0o600)
        return told

    def number(self, statement: str, values: Sequence[Value] = ()) -> int:
        """The one integer a query answers; 0 where it answers nothing or NULL."""
        row = self.execute(statement, values).fetchone()
        return int(row[0]) if row and row[0] is not None else 0

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing. The outermost reaches the disk at its end; a nested one is a savepoint of it.

        Raises :class:`TransactionLostError` where SQLite rolled back the whole of it after an error within, so that
        nobody takes an earlier part for saved.
        """
        outermost = self._depth == 0
        self.execute("BEGIN IMMEDIATE" if outermost else "SAVEPOINT nested")
        if outermost:
            self._changes_before = self._connection.total_changes
        self._depth += 1
        try:
            yield
            self._finish(outermost=outermost)
        except BaseException as error:
            self._undo(error, outermost=outermost)
            raise
        finally:
            self._depth -= 1

    def _finish(self, *, outermost: bool) -> None:
        if not self._connection.in_transaction:
            raise self._lost()
        self.execute("COMMIT" if outermost else "RELEASE nested")
        if outermost and self._connection.total_changes != self._changes_before:
            self.commits += 1

    def _undo(self, error: BaseException, *, outermost: bool) -> None:
        if not self._connection.in_transaction:
            if not outermost and not isinstance(error, TransactionLostError):
                raise self._lost(error) from error
        elif outermost:
            self.execute("ROLLBACK")
        else:
            self.execute("ROLLBACK TO nested")
            self.execute("RELEASE nested")

    def _lost(self, cause: BaseException | None = None) -> TransactionLostError:
        known = cause if isinstance(cause, JournalError) else None
        problem = "a transaction was rolled back as a whole"
        return TransactionLostError(
            self.path,
            f"{problem}: {known.problem}" if known else problem,
            known.fix if known else "offer its parts again",
        )

    def close(self) -> None:
        """Fold the write-ahead log into the file and let go of both."""
        self._connection.close()


def suspicion(path: Path) -> Path:
    """The file that says to the next opening: look at every page and every index of this journal."""
    return path.with_name(f"{path.name}.suspect")
