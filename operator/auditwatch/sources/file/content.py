"""The bytes of one file, opened so that nothing planted in its place can harm: no links followed, no pipes waited for.

The file stays open while it is read: whatever happens to its name, what is written to it can still be read. It is never
mapped into memory, because a file cut short while mapped kills the process.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import ClassVar, NamedTuple, Protocol

from auditwatch.sources.file.framing import TRAIL_BYTES
from auditwatch.sources.file.identity import HEAD_BYTES

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class NotALogError(OSError):
    """What has the name of a log is no regular file."""


class ContentState(NamedTuple):
    """Equal: nothing was written in between."""

    extent: int
    """Bytes on disk."""
    changed: int
    """mtime, nanoseconds."""


class Content(Protocol):
    """Offsets and sizes count uncompressed bytes."""

    grows: ClassVar[bool]
    """Whether it is written to behind what was read."""

    @property
    def inode(self) -> tuple[int, int]:
        """Device and inode."""
        ...

    def size(self) -> int:
        """Bytes there are, as far as is known."""
        ...

    def state(self) -> ContentState:
        """Changes when something is written to it."""
        ...

    def is_linked(self) -> bool:
        """Whether the file still has a name."""
        ...

    def head(self) -> bytes:
        """The first bytes, up to 1 KiB."""
        ...

    def trail_at(self, offset: int) -> bytes:
        """Up to 4 KiB before ``offset``; fewer where the file is shorter."""
        ...

    def still_holds(self, offset: int, trail: bytes) -> bool:
        """Whether ``trail`` still stands before ``offset``, where that is cheap to tell."""
        ...

    def data_from(self, offset: int) -> int:
        """The first offset from this one on that is not in a hole."""
        ...

    def read(self, offset: int, most: int) -> bytes:
        """Up to ``most`` bytes; none at the end."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


def open_regular(path: Path) -> int:
    """A descriptor. Raises :class:`NotALogError` for links, pipes, devices and directories, else :class:`OSError`."""
    try:
        descriptor = os.open(path, _FLAGS)
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENXIO}:
            raise NotALogError(error.errno, "is no regular file", str(path)) from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise NotALogError(errno.EINVAL, "is no regular file", str(path))
    return descriptor


def state_of(descriptor: int) -> ContentState:
    """Of an open file."""
    status = os.fstat(descriptor)
    return ContentState(status.st_size, status.st_mtime_ns)


class PlainContent:
    """A file as it is."""

    grows: ClassVar[bool] = True

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        status = os.fstat(descriptor)
        self.inode = status.st_dev, status.st_ino

    def size(self) -> int:
        """Bytes in it now."""
        return os.fstat(self._descriptor).st_size

    def state(self) -> ContentState:
        """Bytes in it, and when they were written."""
        return state_of(self._descriptor)

    def is_linked(self) -> bool:
        """Whether it still has a name."""
        return os.fstat(self._descriptor).st_nlink > 0

    def head(self) -> bytes:
        """The first bytes, up to 1 KiB."""
        return os.pread(self._descriptor, HEAD_BYTES, 0)

    def trail_at(self, offset: int) -> bytes:
        """Up to 4 KiB before ``offset``."""
        start = max(0, offset - TRAIL_BYTES)
        return os.pread(self._descriptor, offset - start, start)

    def still_holds(self, offset: int, trail: bytes) -> bool:
        """Whether ``trail`` still stands before ``offset``."""
        return os.pread(self._descriptor, len(trail), offset - len(trail)) == trail

    def data_from(self, offset: int) -> int:
        """Past a hole; the same offset where a hole reaches to the end, because that may still be written to."""
        try:
            return os.lseek(self._descriptor, offset, os.SEEK_DATA)
        except OSError:  # behind the end, only a hole up to it, or a file system that cannot tell
            return offset

    def read(self, offset: int, most: int) -> bytes:
        """Up to ``most`` bytes."""
        return os.pread(self._descriptor, most, offset)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)
