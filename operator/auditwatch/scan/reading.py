"""Opens logs and hands out their lines in windows, whatever they are: plain files, compressed ones, streams.

A plain file is read in ranges: a line belongs to the range it begins in, so that any number of processes reads each
line exactly once.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final

from auditwatch.scan.inflating import inflated
from auditwatch.scan.inputs import GZIP_MAGIC, STDIN
from auditwatch.scan.mapping import mapped
from auditwatch.scan.windows import ReadInto, Window, windows

_INPUT_BYTES: Final = 256 << 10
_PEEK_BYTES: Final = 64 << 10


@contextmanager
def plain(name: str, start: int, end: int) -> Iterator[Iterator[Window]]:
    """The lines of a file that begin in ``[start, end)``. Raises :class:`OSError`."""
    descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
    try:
        first, last = _aligned(descriptor, start), _aligned(descriptor, end)
        with suppress(AttributeError, OSError):
            os.posix_fadvise(descriptor, first, last - first, os.POSIX_FADV_SEQUENTIAL)
        with closing(_of_range(descriptor, first, last)) as handed_out:
            yield handed_out
    finally:
        os.close(descriptor)


def _of_range(descriptor: int, first: int, last: int) -> Generator[Window, None, None]:
    """Where they lie in memory, as far as that is safe; what is left is copied."""
    position = yield from mapped(descriptor, first, last)
    yield from windows(_copying(descriptor, position, last))


def _copying(descriptor: int, position: int, last: int) -> ReadInto:
    def read_into(room: memoryview) -> int:
        nonlocal position
        with room[: max(last - position, 0)] as part:
            count = os.preadv(descriptor, [part], position) if len(part) else 0
        position += count
        return count

    return read_into


def _aligned(descriptor: int, offset: int) -> int:
    """Where the first line that begins at or after ``offset`` begins; the end of the file where none does."""
    position = offset - 1
    while position >= 0:
        block = os.pread(descriptor, _PEEK_BYTES, position)
        found = block.find(b"\n")
        if found >= 0:
            return position + found + 1
        position += len(block)
        if not block:
            return position
    return 0


@contextmanager
def streamed(name: str, skip: int = 0) -> Iterator[Iterator[Window]]:
    """A stream or a compressed file from uncompressed byte ``skip`` on; what is gzip is uncompressed.

    Raises :class:`OSError`; reading from it also :class:`ReadError`.
    """
    with _opened(name) as read:
        first = read(_INPUT_BYTES) or b""
        source = _chained(first, read)
        yield windows(_reader(inflated(source, name) if first.startswith(GZIP_MAGIC) else source, skip))


@contextmanager
def _opened(name: str) -> Iterator[Callable[[int], bytes | None]]:
    if name == STDIN:
        if sys.stdin is None:
            raise OSError(errno.EBADF, "standard input is closed")
        yield partial(os.read, sys.stdin.fileno())
        return
    with Path(name).open("rb", buffering=0) as file:
        yield file.read


def _chained(first: bytes, read: Callable[[int], bytes | None]) -> Iterator[bytes]:
    block: bytes | None = first
    while block:
        yield block
        block = read(_INPUT_BYTES)


def _reader(blocks: Iterator[bytes], skip: int) -> ReadInto:
    rest = memoryview(b"")

    def read_into(room: memoryview) -> int:
        nonlocal rest, skip
        while not rest:
            block = next(blocks, b"")
            if not block:
                return 0
            rest = memoryview(block)[skip:]
            skip = max(0, skip - len(block))
        count = min(len(rest), len(room))
        room[:count] = rest[:count]
        rest = rest[count:]
        return count

    return read_into
