"""The agent's position on its node's disk: two generations, so that no crash leaves none.

Written to a new file, synced, and renamed over the old one, which is kept beside it; each carries its checksum. A disk
that takes nothing more costs a second reading after the next start, never an event.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from pathlib import Path

import msgspec
import structlog

from auditwatch.sources.file.position import Position, decode, encode

log = structlog.get_logger()


class CheckpointError(Exception):
    """Positions cannot be kept there; the message says why and what to do."""


class Checkpoint:
    """The state file at ``path``, held for as long as this process lives."""

    def __init__(self, path: Path) -> None:
        """Raises :class:`CheckpointError` where its directory cannot be written, or another process holds it."""
        self._path = path
        self._previous = path.with_name(path.name + ".previous")
        self._new = path.with_name(path.name + ".new")
        self._lock = _hold(path.with_name(path.name + ".lock"))

    def load(self) -> Position | None:
        """The last position that was written whole; ``None``: there is none."""
        for path in (self._path, self._previous):
            with contextlib.suppress(FileNotFoundError):
                position = _read(path)
                if position is not None:
                    return position
        return None

    def save(self, position: Position) -> None:
        """Return once it will outlive a crash. Raises :class:`OSError`; the last one saved stays then."""
        body = encode(position)
        with self._new.open("wb") as file:
            file.write(hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileNotFoundError):
            self._path.replace(self._previous)
        self._new.replace(self._path)
        self._sync_directory()

    def close(self) -> None:
        """Let the next one in."""
        os.close(self._lock)

    def _sync_directory(self) -> None:
        descriptor = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _read(path: Path) -> Position | None:
    try:
        checksum, _, body = path.read_bytes().partition(b"\n")
        if hashlib.sha256(body).hexdigest().encode() == checksum:
            return decode(body)
        problem = "its checksum does not fit"
    except FileNotFoundError:
        raise
    except (OSError, msgspec.DecodeError) as error:
        problem = str(error)
    log.error("position unreadable, taking the one before", file=str(path), problem=problem)
    return None


def _hold(path: Path) -> int:
    """An exclusive lock, which the kernel lets go of when the process dies, however it dies."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        fix = "give the agent a writable directory of its node (a hostPath volume) for its state file"
        raise CheckpointError(f"{path} cannot be written: {error.strerror}; {fix}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        fix = "two readers would overwrite each other's position: stop the other one, or give each its own state file"
        raise CheckpointError(f"{path} is held by another process; {fix}") from None
    return descriptor
