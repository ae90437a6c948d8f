"""Hands out logs in windows of whole lines, small enough for the processor's cache, however long a line may be.

A plain file is read in ranges: a line belongs to the range it begins in, so that any number of processes reads each
line exactly once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from auditwatch.scan.inflating import ReadError, inflated
from auditwatch.scan.inputs import GZIP_MAGIC, STDIN

WINDOW_BYTES: Final = 768 << 10
"""Searching alone is fastest in windows of 256 to 512 KiB; together with reading, which larger ones make cheaper, in
those that just fit the processor's second cache (measured with 1 MiB of it).
"""
MAX_LINE_BYTES: Final = 256 << 20
"""A line longer than this is skipped, and told. kube-apiserver writes none above its --audit-log-maxsize (100 MiB)."""
_INPUT_BYTES: Final = 256 << 10
_PEEK_BYTES: Final = 64 << 10

ReadInto = Callable[[memoryview], int]
"""Fills a buffer from the next bytes there are; how many, 0 at the end."""


class Window(NamedTuple):
    """``data[:end]`` holds whole lines. ``is_cut``: it is the beginning of a line that is too long to be read."""

    data: bytearray
    end: int
    is_cut: bool = False


def windows(read_into: ReadInto) -> Iterator[Window]:
    """All that there is to read. A window's data is only good until the next one is asked for."""
    buffer, filled = bytearray(WINDOW_BYTES), 0
    is_skipping = False
    while count := (yield from _filled(buffer, filled, read_into)):
        before, filled = filled, filled + count
        end = buffer.rfind(b"\n", before, filled) + 1
        if is_skipping:
            first = buffer.find(b"\n", before, filled) + 1
            end, filled, is_skipping = _dropped(buffer, first, filled)
        if end:
            yield Window(buffer, end)
            buffer, filled = _carried(buffer, end, filled)
        elif filled == len(buffer):
            if len(buffer) >= MAX_LINE_BYTES:
                yield Window(buffer, filled, is_cut=True)
                buffer, filled, is_skipping = bytearray(WINDOW_BYTES), 0, True
            elif not is_skipping:
                buffer.extend(bytes(len(buffer)))
    if filled:
        yield Window(buffer, filled)


def _filled(buffer: bytearray, filled: int, read_into: ReadInto) -> Generator[Window, None, int]:
    """Read on; before reading fails for good, what there is of a last line is handed out."""
    try:
        with memoryview(buffer) as whole, whole[filled:] as room:
            return read_into(room)
    except ReadError:
        if filled:
            yield Window(buffer, filled)
        raise


def _dropped(buffer: bytearray, first: int, filled: int) -> tuple[int, int, bool]:
    """Drop what is left of a line that is skipped: (end of whole lines, bytes kept, whether it still goes on)."""
    if not first:
        return 0, 0, True
    buffer[: filled - first] = buffer[first:filled]
    kept = filled - first
    return buffer.rfind(b"\n", 0, kept) + 1, kept, False


def _carried(buffer: bytearray, end: int, filled: int) -> tuple[bytearray, int]:
    """The beginning of the next line, at the beginning of a buffer of the usual size."""
    rest = buffer[end:filled]
    if len(buffer) > WINDOW_BYTES:
        buffer = bytearray(max(WINDOW_BYTES, 2 * len(rest)))
    buffer[: len(rest)] = rest
    return buffer, len(rest)


@contextmanager
def plain(name: str, start: int, end: int) -> Iterator[ReadInto]:
    """The lines of a file that begin in ``[start, end)``. Raises :class:`OSError`."""
    descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
    try:
        position, last = _aligned(descriptor, start), _aligned(descriptor, end)
        with suppress(AttributeError, OSError):
            os.posix_fadvise(descriptor, position, last - position, os.POSIX_FADV_SEQUENTIAL)

        def read_into(room: memoryview) -> int:
            nonlocal position
            with room[: last - position] as part:
                count = os.preadv(descriptor, [part], position) if len(part) else 0
            position += count
            return count

        yield read_into
    finally:
        os.close(descriptor)


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
def streamed(name: str, skip: int = 0) -> Iterator[ReadInto]:
    """A stream or a compressed file from uncompressed byte ``skip`` on; what is gzip is uncompressed.

    Raises :class:`OSError`; reading from it also :class:`ReadError`.
    """
    with _opened(name) as read:
        first = read(_INPUT_BYTES) or b""
        source = _chained(first, read)
        yield _reader(inflated(source, name) if first.startswith(GZIP_MAGIC) else source, skip)


@contextmanager
def _opened(name: str) -> Iterator[Callable[[int], bytes | None]]:
    if name == STDIN:
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
