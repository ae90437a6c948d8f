"""One process per journal: a lock beside the file, so that a second opener learns who has it and touches nothing."""

from __future__ import annotations

import fcntl
import os
import socket
from pathlib import Path

from auditwatch.journal.errors import WRITABLE, JournalInUseError, JournalUnavailableError


class Hold:
    """An exclusive flock(2) on ``<journal>.lock``; the kernel lets go of it when the process dies, however it dies."""

    def __init__(self, path: Path) -> None:
        self._descriptor = _open_lock(path)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._descriptor, 200).decode(errors="replace").strip() or "another process"
            os.close(self._descriptor)
            fix = "stop that one first: one instance only (replicas: 1, strategy Recreate)"
            raise JournalInUseError(path, f"held by {holder}", fix) from None
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)

    def release(self) -> None:
        """Let the next one in; a second call does nothing. The file stays: removing it would let two hold it."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


def _open_lock(path: Path) -> int:
    lock = path.with_name(path.name + ".lock")
    try:
        return os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise JournalUnavailableError(path, f"cannot write {lock} ({error.strerror})", WRITABLE) from error
