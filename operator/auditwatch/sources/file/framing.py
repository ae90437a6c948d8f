"""Bytes to lines: every line with the offset it begins at, none of them able to stop or flood the reader.

A line ends with a newline. The unfinished last one is held back, because kube-apiserver may be in the middle of writing
it. A line above the limit keeps its head and its tail, where the fields that identify an event stand, and is marked.
NULs are what a log cut from outside begins with (its writer goes on at its old offset), and what a power failure
leaves; JSON holds none, so a run of them ends a line.
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec

LIMIT_BYTES = 64 << 20
TRAIL_BYTES = 4096
"""How much before an offset proves that a file is the one that was read up to there."""
_KEPT_BYTES = 64 << 10
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_NULS = re.compile(rb"\0{4,}")

Form = Literal["Whole", "Cut", "Torn"]
"""Cut: too long, its middle is missing. Torn: ended by NULs or by the end of its file instead of a newline."""


class Line(msgspec.Struct, frozen=True, gc=False):
    """One line without its end. ``offset`` counts bytes of the file as written, uncompressed."""

    offset: int
    data: bytes
    form: Form = "Whole"


class Framer:
    """One file's bytes, in order, from ``offset`` on; ``trail`` is what stands before it (up to 4 KiB).

    ``limit``: of a longer line head and tail are kept, 64 KiB or half the limit each; at least 16 KiB.
    """

    def __init__(self, offset: int = 0, trail: bytes = b"", *, limit: int = LIMIT_BYTES) -> None:
        self.offset = offset
        """Where the unfinished line begins: what lies before needs never be read again."""
        self.trail = trail
        """The last bytes before ``offset``."""
        self._limit = limit
        self._kept = min(_KEPT_BYTES, limit // 2)
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._head = b""

    @property
    def end(self) -> int:
        """Offset of the next byte to feed."""
        return self.offset + self._held_bytes

    @property
    def recent(self) -> bytes:
        """The last bytes before ``end``, up to 4 KiB."""
        found = b""
        for piece in reversed(self._held):
            found = piece[-TRAIL_BYTES:] + found
            if len(found) >= TRAIL_BYTES:
                return found[-TRAIL_BYTES:]
        return (self.trail + found)[-TRAIL_BYTES:]

    @property
    def rest(self) -> bytes:
        """The unfinished line, as far as it is kept."""
        return self._head + b"".join(self._held)

    def feed(self, block: bytes) -> list[Line]:
        """The lines that ``block`` completes."""
        cut = block.rfind(b"\n") + 1
        if not cut:
            self._hold(block)
            return []
        lines = self._complete(block[:cut])
        if cut < len(block):
            self._hold(block[cut:])
        return lines

    def jump(self, offset: int) -> list[Line]:
        """A hole up to ``offset``: NULs that need not be read. What was unfinished before it stays so for ever."""
        lines = self.finish()
        self.trail = (self.trail + b"\0" * min(offset - self.offset, TRAIL_BYTES))[-TRAIL_BYTES:]
        self.offset = offset
        return lines

    def finish(self) -> list[Line]:
        """The file has ended: its last line without a newline, if there is one."""
        if not self._held_bytes:
            return []
        start, rest, is_cut = self.offset, self.rest, bool(self._head)
        self._advance(b"".join(self._held), self._held_bytes)
        return [Line(start, rest, "Cut")] if is_cut else _pieces(start, rest, "Torn")

    def _complete(self, block: bytes) -> list[Line]:
        if self._head:
            return self._complete_cut(block)
        start, whole = self.offset, b"".join([*self._held, block]) if self._held else block
        self._advance(whole, len(whole))
        lines: list[Line] = []
        for data in whole[:-1].split(b"\n"):
            if len(data) > self._limit:
                lines.append(Line(start, data[: self._kept] + data[-self._kept :], "Cut"))
            elif data:
                self._append(lines, start, data)
            start += len(data) + 1
        return lines

    def _complete_cut(self, block: bytes) -> list[Line]:
        end = block.index(b"\n") + 1
        self._hold(block[:end])
        tail = b"".join(self._held)
        line = Line(self.offset, self._head + tail[-self._kept - 1 : -1], "Cut")
        self._advance(tail, self._held_bytes)
        return [line, *(self._complete(block[end:]) if end < len(block) else [])]

    @staticmethod
    def _append(lines: list[Line], start: int, data: bytes) -> None:
        if b"\0" in data:
            lines += _pieces(start, data, "Whole")
            return
        if start == 0:
            data = data.removeprefix(_BYTE_ORDER_MARK)
        if data := data.removesuffix(b"\r"):
            lines.append(Line(start, data))

    def _hold(self, block: bytes) -> None:
        if not self._held_bytes:
            block = self._without_leading_nuls(block)
        self._held.append(block)
        self._held_bytes += len(block)
        if self._held_bytes > self._limit:
            self._shorten()

    def _without_leading_nuls(self, block: bytes) -> bytes:
        kept = block.lstrip(b"\0")
        if len(kept) < len(block):
            nuls = len(block) - len(kept)
            self.trail = (self.trail + b"\0" * min(nuls, TRAIL_BYTES))[-TRAIL_BYTES:]
            self.offset += nuls
        return kept

    def _shorten(self) -> None:
        kept = b"".join(self._held)
        if not self._head:
            self._head = kept[: self._kept]
            kept = kept[self._kept :]
        self._held = [kept[-self._kept - 1 :]]

    def _advance(self, consumed: bytes, count: int) -> None:
        """Everything up to ``offset + count`` is done with; ``consumed`` ends with its last bytes."""
        self.trail = (self.trail + consumed[-TRAIL_BYTES:])[-TRAIL_BYTES:]
        self.offset += count
        self._held, self._held_bytes, self._head = [], 0, b""


def _pieces(start: int, data: bytes, last: Form) -> list[Line]:
    """What stands between runs of NULs; only the last piece may be whole."""
    pieces: list[tuple[int, bytes, Form]] = []
    at = 0
    for run in _NULS.finditer(data):
        pieces.append((at, data[at : run.start()], "Torn"))
        at = run.end()
    pieces.append((at, data[at:], last))
    lines = []
    for begin, piece, form in pieces:
        if kept := piece.lstrip(b"\0").rstrip(b"\0\r"):
            lines.append(Line(start + begin + len(piece) - len(piece.lstrip(b"\0")), kept, form))
    return lines
