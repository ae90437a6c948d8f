"""The journal: what this program must not forget, in one SQLite file that one thread of one process holds.

Everything is an opaque row. Each table has its file; this one opens them as a whole.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import structlog

from auditwatch.journal.capacity import LIMIT_BYTES
from auditwatch.journal.database import Database
from auditwatch.journal.errors import JournalCorruptError
from auditwatch.journal.holding import Hold
from auditwatch.journal.log import Log
from auditwatch.journal.marks import Marks
from auditwatch.journal.opening import open_database, prepare_directory
from auditwatch.journal.pruning import Pruning
from auditwatch.journal.rows import SetAside
from auditwatch.journal.snapshots import Snapshots
from auditwatch.journal.table import Clock
from auditwatch.journal.versions import Versions

log = structlog.get_logger()


class Journal(Log, Versions, Marks, Snapshots, Pruning):
    """One connection, used only by the thread that opened it."""

    def __init__(self, database: Database, hold: Hold, clock: Clock, limit_bytes: int, aside: SetAside | None) -> None:
        super().__init__(database, clock, limit_bytes)
        self._hold = hold
        self.set_aside = aside
        """The damaged journal this one replaces; ``None`` where there was none."""
        self.created = False
        """Whether this opening made a new journal."""
        self.id = ""
        """Random; another id means that sequences are not comparable."""
        self.key = b""
        """The installation's key for redaction, made with the journal."""

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        clock: Clock,
        new_id: Callable[[], str],
        new_key: Callable[[], bytes],
        limit_bytes: int = LIMIT_BYTES,
    ) -> Journal:
        """Open the journal in the file ``path``, or begin a new one; ``new_id`` and ``new_key`` are asked only then.

        A damaged file is moved aside and reported (``set_aside``). Raises :class:`JournalError`: its kinds say in use,
        too new, not a journal, network file system, not writable, full.
        """
        prepare_directory(path)
        hold = Hold(path)
        try:
            database, aside = open_database(path, now=clock())
            journal = cls(database, hold, clock, limit_bytes, aside)
            journal._introduce(new_id, new_key)
        except BaseException:
            hold.release()
            raise
        if aside:
            log.error("journal set aside", problem=aside.problem, kept=str(aside.path), journal_id=journal.id)
        return journal

    def _introduce(self, new_id: Callable[[], str], new_key: Callable[[], bytes]) -> None:
        with self.transaction():
            self.created = self._db.number("SELECT count(*) FROM meta") == 0
            if self.created:
                rows = [("id", new_id().encode()), ("key", new_key())]
                self._db.execute_many("INSERT INTO meta (name, value) VALUES (?, ?)", rows)
            meta = dict(self._db.execute("SELECT name, value FROM meta").fetchall())
        self.id, self.key = meta["id"].decode(), meta["key"]

    def transaction(self) -> AbstractContextManager[None]:
        """All or nothing; the outermost one reaches the disk, a nested one is a savepoint. See :class:`Database`."""
        return self._db.transaction()

    @property
    def path(self) -> Path:
        """The file."""
        return self._db.path

    @property
    def damage(self) -> JournalCorruptError | None:
        """What a restart mends: the file turned out to be damaged, and the next opening sets it aside."""
        return self._db.damage

    @property
    def commits(self) -> int:
        """Transactions that reached the disk since opening."""
        return self._db.commits

    def close(self) -> None:
        """Fold the write-ahead log into the file, let go of it and of the lock."""
        try:
            self._db.close()
        finally:
            self._hold.release()
