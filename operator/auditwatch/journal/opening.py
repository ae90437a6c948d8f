"""From a path to a database that can be trusted, or an error that says what to do.

Order matters: the directory, its file system, the lock, and only then a look at the file. A file that is damaged is
moved aside and kept; a file that is whole but not ours, or newer than we are, is left as it is and refused.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from auditwatch.journal.database import Database, suspicion
from auditwatch.journal.errors import (
    WRITABLE,
    JournalCorruptError,
    JournalTooNewError,
    JournalUnavailableError,
    NetworkFilesystemError,
    NotAJournalError,
    translated,
)
from auditwatch.journal.filesystem import MOUNTINFO, filesystem_of, is_network
from auditwatch.journal.rows import SetAside
from auditwatch.journal.schema import APPLICATION_ID, MIGRATIONS, Migration, migrate, schema_version

_PRAGMAS = (
    "PRAGMA locking_mode = EXCLUSIVE",  # before the first read: then WAL needs no shared memory file
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA journal_size_limit = 16777216",
    "PRAGMA temp_store = MEMORY",
)


def prepare_directory(path: Path, *, mountinfo: Path = MOUNTINFO) -> None:
    """Make the journal's directory (0700) and refuse one where a journal cannot be kept.

    Raises :class:`NetworkFilesystemError`, :class:`NotAJournalError` (the path is a directory) or
    :class:`JournalUnavailableError` (cannot be made or written).
    """
    directory = path.parent
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise JournalUnavailableError(path, f"cannot make {directory} ({error.strerror})", WRITABLE) from error
    if path.is_dir():
        raise NotAJournalError(path, "is a directory", f"name a file in it, such as {path / 'journal.db'}")
    if not os.access(directory, os.W_OK | os.X_OK):
        raise JournalUnavailableError(path, f"{directory} is not writable", WRITABLE)
    _refuse_network(path, mountinfo)


def _refuse_network(path: Path, mountinfo: Path) -> None:
    if not mountinfo.exists():  # not Linux: a developer's machine
        return
    filesystem = filesystem_of(path.parent.resolve(), mountinfo.read_text(errors="replace"))
    if is_network(filesystem):
        fix = "use a volume that is a block device (ReadWriteOnce), an emptyDir or a local path"
        raise NetworkFilesystemError(path, f"lies on a network file system ({filesystem})", fix)


def open_database(
    path: Path, *, now: float, migrations: Sequence[Migration] = MIGRATIONS
) -> tuple[Database, SetAside | None]:
    """A database in its present shape; with it what was set aside to get there.

    Raises :class:`JournalTooNewError`, :class:`NotAJournalError`, :class:`JournalInUseError`,
    :class:`JournalUnavailableError` or :class:`JournalFullError`.
    """
    try:
        return _open_sound(path, migrations), None
    except JournalCorruptError as error:
        aside = set_aside(path, now=now, problem=error.problem)
        suspicion(path).unlink(missing_ok=True)
    return _open_sound(path, migrations), aside


def _open_sound(path: Path, migrations: Sequence[Migration]) -> Database:
    _refuse_lost_file(path)
    database = Database(path, _connect(path))
    try:
        for pragma in _PRAGMAS:
            database.execute(pragma)
        _recognise(database, known=len(migrations))
        _check_pages(database)
        migrate(database, migrations)
    except BaseException:
        database.close()
        raise
    return database


def _refuse_lost_file(path: Path) -> None:
    # SQLite takes an empty file for a new database and deletes the write-ahead log beside it, with all it holds.
    wal = _beside(path, "-wal")
    if wal.exists() and wal.stat().st_size and not (path.exists() and path.stat().st_size):
        raise JournalCorruptError(path, "empty, beside a write-ahead log that is not", "restart")


def _connect(path: Path) -> sqlite3.Connection:
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))  # SQLite gives its other files this mode
        return sqlite3.connect(path, isolation_level=None, timeout=0)
    except OSError as error:
        raise JournalUnavailableError(path, f"cannot be opened ({error.strerror})", WRITABLE) from error
    except sqlite3.Error as error:
        raise translated(path, error) from error


def _recognise(database: Database, *, known: int) -> None:
    version = schema_version(database)
    tables = database.number("SELECT count(*) FROM sqlite_schema")
    if tables and database.number("PRAGMA application_id") != APPLICATION_ID:
        fix = "name another path: this file is left as it is"
        raise NotAJournalError(database.path, "is a database of another program", fix)
    if version > known:
        problem = f"was written by a later release (schema {version}; this one knows {known})"
        fix = "run that release again, or move the file away and begin a new journal"
        raise JournalTooNewError(database.path, problem, fix)


def _check_pages(database: Database) -> None:
    # A quick look finds no index that contradicts its table. Where one was met while it was used, it must.
    suspect = suspicion(database.path)
    check = "integrity_check" if suspect.exists() else "quick_check"
    verdict = database.execute(f"PRAGMA {check}(1)").fetchone()[0]
    if verdict != "ok":
        raise JournalCorruptError(database.path, f"damaged ({verdict})", "restart")
    suspect.unlink(missing_ok=True)


def set_aside(path: Path, *, now: float, problem: str) -> SetAside:
    """Move a damaged file and its write-ahead log to ``<path>.corrupt-<UTC time>``; nothing is deleted."""
    written = path.stat().st_mtime if path.exists() else now
    stamp = datetime.fromtimestamp(now, tz=UTC).strftime("%Y%m%dT%H%M%S%f")
    aside = _beside(path, f".corrupt-{stamp}")
    for suffix in ("", "-wal", "-shm"):
        part = _beside(path, suffix)
        if part.exists():
            part.rename(_beside(aside, suffix))
    return SetAside(path=aside, problem=problem, last_written=written)


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)
