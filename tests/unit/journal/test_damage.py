"""A damaged journal is moved aside, kept whole and reported; a new one with another id begins."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from auditwatch.journal.errors import JournalCorruptError, translated
from auditwatch.journal.opening import set_aside
from tests.unit.journal.conftest import Clock, OpenJournal, fill


def make(open_journal: OpenJournal) -> None:
    journal = open_journal()
    fill(journal, 200, size=500)
    journal.close()


def asides(path: Path) -> list[Path]:
    return sorted(file for file in path.parent.iterdir() if ".corrupt-" in file.name)


@pytest.mark.parametrize(
    ("offset", "garbage"),
    [(0, b"not a database, "), (4096, b"\xff" * 4096), (4096 * 9, b"\x00" * 4096)],
    ids=["header", "first table", "a page in the middle"],
)
def test_a_damaged_file_is_kept_beside_a_new_journal(
    open_journal: OpenJournal, path: Path, offset: int, garbage: bytes
) -> None:
    make(open_journal)
    content = bytearray(path.read_bytes())
    content[offset : offset + len(garbage)] = garbage
    path.write_bytes(content)

    journal = open_journal()

    assert (journal.created, journal.id) == (True, "journal-2")
    assert journal.set_aside is not None
    assert asides(path) == [journal.set_aside.path]
    assert len(journal.set_aside.path.read_bytes()) == len(content)
    assert journal.last_sequence() == 0


def test_a_file_cut_in_half_is_set_aside(open_journal: OpenJournal, path: Path) -> None:
    make(open_journal)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])

    journal = open_journal()

    assert journal.created
    assert asides(path)[0].read_bytes() == content[: len(content) // 2]


def test_an_emptied_file_beside_a_full_write_ahead_log_is_damage_and_both_are_kept(
    open_journal: OpenJournal, path: Path
) -> None:
    path.parent.mkdir(parents=True)
    path.touch()
    wal = path.with_name(path.name + "-wal")
    wal.write_bytes(b"what a crash left")

    journal = open_journal()

    assert journal.created
    assert [file.read_bytes() for file in asides(path)] == [b"", b"what a crash left"]


def test_the_loss_is_reported_loudly_with_the_place_of_what_was_kept(open_journal: OpenJournal, path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(b"\x00" * 8192)
    with capture_logs() as logs:
        journal = open_journal()

    assert journal.set_aside is not None
    assert [(line["log_level"], line["event"], line["kept"]) for line in logs] == [
        ("error", "journal set aside", str(journal.set_aside.path))
    ]


def test_what_was_set_aside_tells_when_it_was_last_written(open_journal: OpenJournal, path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(b"\x00" * 8192)
    written = path.stat().st_mtime
    journal = open_journal()

    assert journal.set_aside is not None
    assert journal.set_aside.last_written == written


def test_a_journal_damaged_twice_leaves_two_files(open_journal: OpenJournal, path: Path, clock: Clock) -> None:
    for _ in range(2):
        make(open_journal)
        path.write_bytes(b"garbage" * 1000)
        open_journal().close()
        clock.now += 1

    assert len(asides(path)) == 2


def test_the_parts_of_a_set_aside_file_keep_names_sqlite_would_find(path: Path) -> None:
    path.parent.mkdir(parents=True)
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).write_text(suffix)
    aside = set_aside(path, now=0.0, problem="test").path

    assert aside.name == "journal.db.corrupt-19700101T000000000000"
    assert [file.name.removeprefix(aside.name) for file in asides(path)] == ["", "-shm", "-wal"]
    assert not path.exists()


def test_damage_met_while_running_says_that_a_restart_helps(path: Path) -> None:
    error = sqlite3.DatabaseError("database disk image is malformed")
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT

    told = translated(path, error)
    assert isinstance(told, JournalCorruptError)
    assert "damaged (database disk image is malformed); restart" in str(told)


def test_an_error_that_is_not_the_files_is_passed_on_as_it_is(path: Path) -> None:
    error = sqlite3.IntegrityError("NOT NULL constraint failed")
    error.sqlite_errorcode = sqlite3.SQLITE_CONSTRAINT

    assert translated(path, error) is error


def pages_of(path: Path, name: str) -> slice:
    """Where the first page of a table or an index lies in the file."""
    with closing(sqlite3.connect(path)) as database:
        (size,) = database.execute("PRAGMA page_size").fetchone()
        (root,) = database.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (name,)).fetchone()
    return slice((root - 1) * size, root * size)


def with_a_stale_index(open_journal: OpenJournal, path: Path) -> None:
    """A journal whose index of inbox keys lacks the latest of them; each of its pages is sound by itself."""
    journal = open_journal()
    fill(journal, 2)
    journal.close()
    index = pages_of(path, "sqlite_autoindex_inbox_1")
    former = path.read_bytes()[index]
    journal = open_journal()
    fill(journal, 2)
    journal.close()
    content = bytearray(path.read_bytes())
    content[index] = former
    path.write_bytes(content)


def test_an_index_that_contradicts_its_table_is_found_once_it_is_suspected(
    open_journal: OpenJournal, path: Path
) -> None:
    with_a_stale_index(open_journal, path)
    journal = open_journal()
    assert journal.set_aside is None
    journal.close()
    path.with_name("journal.db.suspect").touch()

    again = open_journal()
    assert again.set_aside is not None
    assert again.created
    assert not path.with_name("journal.db.suspect").exists()


def test_a_sound_journal_that_was_suspected_is_kept_and_is_so_no_longer(open_journal: OpenJournal, path: Path) -> None:
    make(open_journal)
    path.with_name("journal.db.suspect").touch()

    assert open_journal().set_aside is None
    assert not path.with_name("journal.db.suspect").exists()


def test_damage_met_while_running_is_remembered_for_the_next_opening(open_journal: OpenJournal, path: Path) -> None:
    make(open_journal)
    at = pages_of(path, "log")
    journal = open_journal()
    content = bytearray(path.read_bytes())
    content[at] = b"\xff" * len(content[at])
    path.write_bytes(content)
    journal._db.execute("PRAGMA shrink_memory")

    with pytest.raises(JournalCorruptError):
        journal.log_after(0, limit=9)
    assert isinstance(journal.damage, JournalCorruptError)
    assert path.with_name("journal.db.suspect").exists()
