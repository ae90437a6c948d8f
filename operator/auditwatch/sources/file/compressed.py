"""A compressed backup, read as if it were not: any offset, while it is still being written, up to where it is damaged.

kube-apiserver shows ``….log.gz`` from its first byte on, and writes it again from zero after a crash.
"""

from __future__ import annotations

import os
from typing import ClassVar

from isal import isal_zlib
from isal.isal_zlib import IsalError

from auditwatch.sources.file.content import ContentState, state_of
from auditwatch.sources.file.framing import TRAIL_BYTES
from auditwatch.sources.file.identity import HEAD_BYTES

_GZIP_WINDOW = 31
_INPUT_BYTES = 64 << 10
_SKIP_BYTES = 1 << 20


class UnfinishedGzipError(Exception):
    """There is no more of it, and its end is missing: it is being written, or was given up by its writer."""


class DamagedGzipError(Exception):
    """What follows cannot be uncompressed. ``offset``: uncompressed bytes that could be."""

    def __init__(self, offset: int) -> None:
        super().__init__(f"cannot be uncompressed after byte {offset}")
        self.offset = offset


class GzipContent:
    """Sequential inside: going back means beginning again."""

    grows: ClassVar[bool] = False

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        status = os.fstat(descriptor)
        self.inode = status.st_dev, status.st_ino
        self._forget_damage()
        self._rewind()

    def size(self) -> int:
        """What the trailer says, or what was seen if that is more. Not to be relied upon before the end is reached."""
        length = self.state().extent
        written = int.from_bytes(os.pread(self._descriptor, 4, length - 4), "little") if length > 18 else 0
        return self._offset if self._has_ended else max(self._offset, written)

    def state(self) -> ContentState:
        """Compressed bytes there are, and when they were written."""
        return state_of(self._descriptor)

    def is_linked(self) -> bool:
        """Whether it still has a name."""
        return os.fstat(self._descriptor).st_nlink > 0

    def head(self) -> bytes:
        """The first bytes, up to 1 KiB. Raises :class:`UnfinishedGzipError`, :class:`DamagedGzipError`."""
        head = b""
        while len(head) < HEAD_BYTES and (block := self.read(len(head), HEAD_BYTES - len(head))):
            head += block
        return head

    def trail_at(self, offset: int) -> bytes:
        """Up to 4 KiB before ``offset``. Raises as :meth:`head` does."""
        start = max(0, offset - TRAIL_BYTES)
        trail = b""
        while len(trail) < offset - start and (block := self.read(start + len(trail), offset - start - len(trail))):
            trail += block
        return trail

    def still_holds(self, offset: int, trail: bytes) -> bool:  # noqa: ARG002 - to tell would mean to begin again
        """Taken for granted: a backup written anew holds what it held."""
        return True

    def data_from(self, offset: int) -> int:
        """The same: there are no holes to tell from NULs."""
        return offset

    def read(self, offset: int, most: int) -> bytes:
        """Up to ``most`` bytes; none at its end. Raises as :meth:`head` does."""
        if self.state().extent < self._next_input:
            self._forget_damage()
            self._rewind()
        if 0 <= self._damaged_at <= offset:
            raise DamagedGzipError(self._damaged_at)
        if offset < self._offset:
            self._rewind()
        while self._offset < offset:
            if not self._inflate(min(_SKIP_BYTES, offset - self._offset)):
                return b""
        return self._inflate(most)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)

    def _forget_damage(self) -> None:
        """It is another file now, or was not read yet."""
        self._careful_from = self._damaged_at = -1

    def _rewind(self) -> None:
        self._inflater = isal_zlib.decompressobj(wbits=_GZIP_WINDOW)
        self._input = b""
        self._next_input = 0
        self._offset = 0
        self._has_ended = False

    def _inflate(self, most: int) -> bytes:
        """Some bytes from ``_offset`` on, and move it."""
        while True:
            if not self._input and not self._fill():
                return b""
            try:
                block = self._inflater.decompress(self._input, most)
            except IsalError as error:  # type: ignore[misc]  # its stub says it is an instance
                return self._step_carefully(most, error)
            self._input = self._inflater.unconsumed_tail or self._inflater.unused_data
            if self._inflater.eof:
                self._begin_next_member()
            if block:
                self._offset += len(block)
                return block

    def _fill(self) -> bool:
        """More input; whether there is any. Raises :class:`UnfinishedGzipError` where there should be."""
        size = 1 if 0 <= self._careful_from <= self._next_input else _INPUT_BYTES
        self._input = os.pread(self._descriptor, size, self._next_input)
        self._next_input += len(self._input)
        if not self._input and not self._has_ended:
            raise UnfinishedGzipError
        if self._has_ended:
            self._begin_next_member()
        return bool(self._input)

    def _begin_next_member(self) -> None:
        """A gzip file may be several, one behind the other; NULs behind the last one are padding."""
        self._input = self._input.lstrip(b"\0")
        self._inflater = isal_zlib.decompressobj(wbits=_GZIP_WINDOW)
        self._has_ended = not self._input

    def _step_carefully(self, most: int, error: Exception) -> bytes:
        """The error took the good bytes before it along: go there again, and take the last stretch byte by byte."""
        offset = self._offset
        if self._careful_from >= 0:
            self._damaged_at = offset
            raise DamagedGzipError(offset) from error
        self._careful_from = max(0, self._next_input - _INPUT_BYTES)
        self._rewind()
        return self.read(offset, most)
