"""Hands out logs in windows of whole lines, small enough for the processor's cache, however long a line may be."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import Final, NamedTuple

from auditwatch.scan.inflating import ReadError

WINDOW_BYTES: Final = 768 << 10
"""Searching alone is fastest in windows of 256 to 512 KiB; together with reading, which larger ones make cheaper, in
those that just fit the processor's second cache (measured with 1 MiB of it).
"""
MAX_LINE_BYTES: Final = 256 << 20
"""A line longer than this is skipped, and told. kube-apiserver writes none above its --audit-log-maxsize (100 MiB)."""

ReadInto = Callable[[memoryview], int]
"""Fills a buffer from the next bytes there are; how many, 0 at the end."""


def _nothing_to_release() -> None:
    """What is read belongs to whoever reads it."""


class Window(NamedTuple):
    """``data[start:end]`` holds whole lines. ``is_cut``: it is the beginning of a line that is too long to be read."""

    data: bytearray | memoryview
    end: int
    start: int = 0
    is_cut: bool = False
    release: Callable[[], None] = _nothing_to_release
    """To be called as soon as the window has been looked at: others may be waiting for the file."""


def windows(read_into: ReadInto) -> Iterator[Window]:
    """All that there is to read. A window's data is good until it is released, or the next one is asked for."""
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
