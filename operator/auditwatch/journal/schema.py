"""The tables, and the steps from each released shape of them to the next.

A released step is never edited: an upgrade appends one. Each ends by writing its own number into ``user_version``,
and all that are missing run in one transaction, so a crash leaves either the old shape or the new one.
"""

from __future__ import annotations

from collections.abc import Sequence

from auditwatch.journal.database import Database

APPLICATION_ID = 0x41574A31
"""``AWJ1``: tells a journal from any other SQLite file."""

Migration = tuple[str, ...]

_FIRST: Migration = (
    "PRAGMA application_id = 0x41574A31",
    "CREATE TABLE meta (name TEXT PRIMARY KEY NOT NULL, value BLOB NOT NULL) WITHOUT ROWID",
    # A settled row stays, emptied, for as long as its log row: its key is what makes a second delivery harmless.
    """CREATE TABLE inbox (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        key TEXT NOT NULL UNIQUE,
        source TEXT NOT NULL,
        payload BLOB NOT NULL,
        received REAL NOT NULL,
        settled INTEGER)""",
    # NULLs stand first in it, in the order of arrival: one index finds what is unsettled and what can go.
    "CREATE INDEX inbox_settled ON inbox (settled)",
    # AUTOINCREMENT: a sequence is never used twice, not even when the log was pruned to nothing.
    """CREATE TABLE log (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        settled REAL NOT NULL,
        payload BLOB NOT NULL)""",
    """CREATE TABLE versions (
        kind TEXT NOT NULL,
        uid TEXT NOT NULL,
        version TEXT NOT NULL,
        payload BLOB NOT NULL,
        seen REAL NOT NULL,
        listing INTEGER NOT NULL,
        PRIMARY KEY (kind, uid))""",
    "CREATE INDEX versions_listing ON versions (kind, listing)",
    "CREATE TABLE marks (name TEXT PRIMARY KEY NOT NULL, value BLOB NOT NULL) WITHOUT ROWID",
    """CREATE TABLE snapshots (
        space TEXT NOT NULL,
        key TEXT NOT NULL,
        payload BLOB NOT NULL,
        sequence INTEGER NOT NULL,
        PRIMARY KEY (space, key))""",
    "PRAGMA user_version = 1",
)

_CHANGED: Migration = (
    "ALTER TABLE versions ADD COLUMN changed REAL",
    "PRAGMA user_version = 2",
)

MIGRATIONS: tuple[Migration, ...] = (_FIRST, _CHANGED)


def schema_version(database: Database) -> int:
    """The number of the last step that was run; 0 for an empty file."""
    return database.number("PRAGMA user_version")


def migrate(database: Database, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Run the steps this file has not seen."""
    missing = migrations[schema_version(database) :]
    with database.transaction():
        for migration in missing:
            for statement in migration:
                database.execute(statement)
