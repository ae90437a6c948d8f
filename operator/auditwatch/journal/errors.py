"""Everything a journal can refuse, each with the path and the fix, so that no caller has to read SQLite's words."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path


class JournalError(Exception):
    """The journal could not do what was asked; ``path`` is the file, the message holds the fix."""

    def __init__(self, path: Path, problem: str, fix: str) -> None:
        super().__init__(f"journal {path}: {problem}; {fix}")
        self.path = path
        self.problem = problem
        self.fix = fix


class JournalUnavailableError(JournalError):
    """Nothing was recorded, and the same request may succeed later: offer it again after a pause."""


class JournalFullError(JournalUnavailableError):
    """The size limit or the disk is reached and no row may be removed yet."""


class TransactionLostError(JournalUnavailableError):
    """SQLite gave up the whole transaction, not only the statement: everything in it must be offered again."""


class JournalCorruptError(JournalError):
    """The file's pages contradict each other. The next opening sets it aside."""


class JournalInUseError(JournalError):
    """Another process holds the journal."""


class JournalTooNewError(JournalError):
    """A later release wrote this journal."""


class NotAJournalError(JournalError):
    """The path names something that is not a journal, and is left as it is."""


class NetworkFilesystemError(JournalError):
    """The directory lies on a file system whose locks and fsync cannot be trusted."""


class SettledTwiceError(JournalError):
    """An inbox row was to be settled that is settled already: its log row would be counted twice."""


_SINGLE = "run one instance only (replicas: 1, strategy Recreate)"
WRITABLE = "make its directory writable for the user this process runs as (securityContext.fsGroup in a pod)"
"""The fix for what cannot be written."""
_FAULTS: Mapping[int, tuple[type[JournalError], str, str]] = {
    sqlite3.SQLITE_FULL: (JournalFullError, "the disk is full", "free space on its volume or enlarge the volume"),
    sqlite3.SQLITE_BUSY: (JournalInUseError, "another process holds it", _SINGLE),
    sqlite3.SQLITE_LOCKED: (JournalInUseError, "another process holds it", _SINGLE),
    sqlite3.SQLITE_CORRUPT: (JournalCorruptError, "damaged", "restart: it is then set aside and a new journal begins"),
    sqlite3.SQLITE_NOTADB: (JournalCorruptError, "damaged", "restart: it is then set aside and a new journal begins"),
    sqlite3.SQLITE_READONLY: (JournalUnavailableError, "cannot be written", WRITABLE),
    sqlite3.SQLITE_CANTOPEN: (JournalUnavailableError, "cannot be opened", WRITABLE),
    sqlite3.SQLITE_PERM: (JournalUnavailableError, "cannot be opened", WRITABLE),
    sqlite3.SQLITE_IOERR: (JournalUnavailableError, "the disk failed", "check its volume and the node's kernel log"),
}


def translated(path: Path, error: sqlite3.Error) -> Exception:
    """The journal's own error for one of SQLite's; an error not about the file itself is returned as it is.

    Codes are those of sqlite.org/rescode.html; the low byte is the primary code.
    """
    code = getattr(error, "sqlite_errorcode", None)
    if code is None or code & 0xFF not in _FAULTS:
        return error
    kind, problem, fix = _FAULTS[code & 0xFF]
    return kind(path, f"{problem} ({error})", fix)
