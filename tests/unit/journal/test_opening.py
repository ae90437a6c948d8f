"""Opening: what a new journal looks like on disk, and every refusal with its fix."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from auditwatch.journal.errors import (
    JournalInUseError,
    JournalTooNewError,
    JournalUnavailableError,
    NetworkFilesystemError,
    NotAJournalError,
)
from auditwatch.journal.opening import prepare_directory
from auditwatch.journal.schema import MIGRATIONS
from tests.unit.journal.conftest import OpenJournal

HOLDER = """
import sys, time
from pathlib import Path
from auditwatch.journal.journal import Journal
journal = Journal.open(Path(sys.argv[1]), clock=time.time, new_id=lambda: "theirs", new_key=lambda: b"k")
print("open", flush=True)
sys.stdin.read()
"""


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_new_journal_has_an_id_a_key_and_a_private_place(open_journal: OpenJournal, path: Path) -> None:
    journal = open_journal()

    assert (journal.created, journal.id, journal.key) == (True, "journal-1", b"k" * 32)
    assert journal.set_aside is None
    assert mode(path.parent) == 0o700
    assert {mode(file) for file in path.parent.iterdir()} == {0o600}


def test_an_existing_journal_keeps_its_id_and_key(open_journal: OpenJournal) -> None:
    open_journal().close()
    again = open_journal()

    assert (again.created, again.id, again.key) == (False, "journal-1", b"k" * 32)


def test_every_commit_is_synced_before_it_counts(open_journal: OpenJournal) -> None:
    database = open_journal()._db

    assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert database.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL, sqlite.org/pragma.html#pragma_synchronous
    assert database.execute("PRAGMA locking_mode").fetchone() == ("exclusive",)


def test_a_second_opener_in_the_same_process_is_refused(open_journal: OpenJournal) -> None:
    open_journal()

    with pytest.raises(JournalInUseError, match="one instance only"):
        open_journal()


def test_a_second_process_is_refused_and_told_who_holds_it_until_that_one_dies(
    open_journal: OpenJournal, path: Path
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": "operator"},
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"
        with pytest.raises(JournalInUseError, match=f"held by process {holder.pid} "):
            open_journal()
        holder.kill()

    assert open_journal().id == "theirs"


def test_an_opener_without_our_lock_finds_the_file_locked_all_the_same(open_journal: OpenJournal, path: Path) -> None:
    open_journal().set_mark("m", b"1")

    with sqlite3.connect(path, timeout=0) as stranger, pytest.raises(sqlite3.OperationalError, match="locked"):
        stranger.execute("SELECT * FROM marks")
    stranger.close()


def test_a_closed_journal_can_be_opened_again_and_closing_twice_is_harmless(open_journal: OpenJournal) -> None:
    first = open_journal()
    first.close()
    second = open_journal()
    first.close()

    with pytest.raises(JournalInUseError):
        open_journal()
    second.close()


def test_a_network_file_system_is_refused_with_the_fix(tmp_path: Path) -> None:
    table = tmp_path / "mountinfo"
    table.write_text("21 1 0:1 / / rw - nfs4 server:/export rw\n")

    with pytest.raises(NetworkFilesystemError, match=r"network file system \(nfs4\); use a volume that is a block"):
        prepare_directory(tmp_path / "state" / "journal.db", mountinfo=table)


def test_a_machine_without_a_table_of_mounts_is_taken_at_its_word(tmp_path: Path) -> None:
    prepare_directory(tmp_path / "state" / "journal.db", mountinfo=tmp_path / "no such table")

    assert (tmp_path / "state").is_dir()


def test_a_path_that_is_a_directory_is_refused_with_a_better_one(open_journal: OpenJournal, tmp_path: Path) -> None:
    with pytest.raises(NotAJournalError, match=r"is a directory; name a file in it, such as .*/journal\.db"):
        open_journal(tmp_path)


@pytest.mark.parametrize("place", ["/proc/self/journal.db", "/proc/self/new/journal.db", "/dev/null/journal.db"])
def test_a_place_that_cannot_be_written_is_refused_with_the_fix(open_journal: OpenJournal, place: str) -> None:
    with pytest.raises(JournalUnavailableError, match=r"securityContext\.fsGroup"):
        open_journal(Path(place))


def test_a_database_of_another_program_is_refused_and_left_as_it_is(open_journal: OpenJournal, path: Path) -> None:
    path.parent.mkdir(parents=True)
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE theirs (a)")
    other.close()
    before = path.read_bytes()

    with pytest.raises(NotAJournalError, match="database of another program; name another path"):
        open_journal()
    assert [(table,) for table in ("theirs",)] == _tables(path)
    assert len(path.read_bytes()) == len(before)


def test_a_journal_of_a_later_release_is_refused_and_left_as_it_is(open_journal: OpenJournal, path: Path) -> None:
    journal = open_journal()
    journal.set_mark("m", b"kept")
    journal._db.execute("PRAGMA user_version = 99")
    journal.close()

    with pytest.raises(
        JournalTooNewError, match=rf"later release \(schema 99; this one knows {len(MIGRATIONS)}\); run that release"
    ):
        open_journal()
    assert [file.name for file in path.parent.iterdir() if "corrupt" in file.name] == []


def test_a_refused_opening_lets_go_of_the_lock(open_journal: OpenJournal, path: Path) -> None:
    journal = open_journal()
    journal._db.execute("PRAGMA user_version = 99")
    journal.close()
    with pytest.raises(JournalTooNewError):
        open_journal()
    repair = sqlite3.connect(path)
    repair.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
    repair.close()

    assert open_journal().id == "journal-1"


def test_a_journal_that_was_never_finished_begins_anew(open_journal: OpenJournal, path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.touch()
    journal = open_journal()

    assert (journal.created, journal.set_aside) == (True, None)


def _tables(path: Path) -> list[tuple[str]]:
    database = sqlite3.connect(path)
    try:
        return database.execute("SELECT name FROM sqlite_schema").fetchall()
    finally:
        database.close()


def test_the_clock_dates_what_arrives(open_journal: OpenJournal) -> None:
    journal = open_journal()
    journal.receive(key="k", source="state", payload=b"")

    assert journal.unsettled(limit=1)[0].received < time.time()
