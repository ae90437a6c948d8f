"""A journal of an earlier shape is brought to the present one in one transaction, with everything in it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from auditwatch.journal.opening import open_database
from auditwatch.journal.rows import LogRecord, VersionRow
from auditwatch.journal.schema import MIGRATIONS, Migration, schema_version
from tests.unit.journal.conftest import OpenJournal

V1 = Path(__file__).with_name("journal-v1.sql")
"""A journal as the first release wrote it, as SQL text. Never edited."""

NEXT: Migration = (
    "ALTER TABLE log ADD COLUMN tenant TEXT NOT NULL DEFAULT ''",
    "PRAGMA user_version = 2",
)
BROKEN: Migration = ("CREATE TABLE half (a)", "INSERT INTO no_such_table VALUES (1)", "PRAGMA user_version = 2")


@pytest.fixture
def old(path: Path) -> Path:
    """A file of the first release."""
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path)) as database:
        database.executescript(V1.read_text(encoding="utf-8"))
    return path


def opened_with(path: Path, migrations: Sequence[Migration]) -> tuple[int, list[tuple[object, ...]]]:
    database, aside = open_database(path, now=0.0, migrations=migrations)
    assert aside is None
    try:
        return schema_version(database), database.execute("SELECT * FROM log ORDER BY sequence").fetchall()
    finally:
        database.close()


def test_a_journal_of_the_first_release_opens_with_all_it_holds(old: Path, open_journal: OpenJournal) -> None:
    journal = open_journal(old)

    assert (journal.created, journal.id, journal.key) == (False, "first", b"secret")
    assert journal.log_after(0, limit=10) == [LogRecord(7, b"row seven"), LogRecord(8, b"row eight")]
    assert [row.payload for row in journal.unsettled(limit=10)] == [b"waiting"]
    assert journal.version("policies", "u1") == VersionRow("u1", "41", b"{}", 5.0, 2)
    assert journal.marks("") == {"detected": b"8"}
    assert list(journal.snapshots("windows")) == [("w", b"window")]
    assert journal.settle(inbox=[], rows=[b"next"]) == 9


def test_a_known_key_of_the_first_release_is_still_known(old: Path, open_journal: OpenJournal) -> None:
    assert open_journal(old).receive(key="settled-key", source="state", payload=b"again") is False


def test_only_the_missing_steps_are_run(old: Path) -> None:
    version, rows = opened_with(old, [*MIGRATIONS[:1], NEXT])

    assert version == 2
    assert rows == [(7, 1.5, b"row seven", ""), (8, 1.5, b"row eight", "")]


def test_an_upgraded_journal_is_not_upgraded_again(old: Path) -> None:
    first = opened_with(old, [*MIGRATIONS[:1], NEXT])

    assert opened_with(old, [*MIGRATIONS[:1], NEXT]) == first


def test_an_upgrade_that_fails_leaves_the_old_shape(old: Path) -> None:
    with pytest.raises(sqlite3.OperationalError, match="no_such_table"):
        opened_with(old, [*MIGRATIONS[:1], BROKEN])

    version, rows = opened_with(old, MIGRATIONS[:1])
    assert (version, len(rows)) == (1, 2)
    with closing(sqlite3.connect(old)) as database:
        assert database.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'half'").fetchone() == (0,)


def test_a_new_journal_has_the_shape_of_the_last_step(open_journal: OpenJournal) -> None:
    assert schema_version(open_journal()._db) == len(MIGRATIONS)


@pytest.mark.parametrize("number", range(1, len(MIGRATIONS) + 1))
def test_every_step_ends_by_writing_its_own_number(number: int) -> None:
    assert MIGRATIONS[number - 1][-1] == f"PRAGMA user_version = {number}"
