"""Uncompresses gzip at the speed of the fastest library, and up to the last byte that a damaged file still holds."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from isal import isal_zlib

_GZIP: Final = 31
"""``wbits`` of zlib for a gzip header."""
_BLOCK_BYTES: Final = 384 << 10
_CAREFUL_BYTES: Final = 64


class ReadError(Exception):
    """Reading ended before the end; the message says why."""


def inflated(source: Iterator[bytes], name: str) -> Iterator[bytes]:
    """Uncompressed blocks; several members one behind the other are one file, NULs behind the last are padding.

    ``name``: the file, from which what a damaged block still holds is read once more. Raises :class:`ReadError`.
    """
    inflater = isal_zlib.decompressobj(wbits=_GZIP)
    given, is_open = 0, False
    for compressed in source:
        data: bytes = compressed
        while data:
            try:
                block = inflater.decompress(data, _BLOCK_BYTES)
            except isal_zlib.IsalError as error:  # type: ignore[misc]  # its stub says it is an instance
                yield from _rescued(name, given)
                raise ReadError(f"the compressed file is damaged behind what was read: {error}") from error
            given += len(block)
            if block:
                yield block
            is_open = not inflater.eof
            data = inflater.unconsumed_tail if is_open else inflater.unused_data.lstrip(b"\0")
            if not is_open:
                inflater = isal_zlib.decompressobj(wbits=_GZIP)
    if is_open:
        raise ReadError("the end of the compressed file is missing: it was cut off, or is still being written")


def _rescued(name: str, known: int) -> Iterator[bytes]:
    """What stands behind ``known`` uncompressed bytes of a damaged file: the fast library gave up a whole block."""
    if not Path(name).is_file():
        return
    inflater = zlib.decompressobj(wbits=_GZIP)
    seen = 0
    with Path(name).open("rb") as file:
        while data := file.read(_CAREFUL_BYTES):
            while data:
                try:
                    block = inflater.decompress(data)
                except zlib.error:
                    return
                if seen + len(block) > known:
                    yield block[max(0, known - seen) :]
                seen += len(block)
                data = b""
                if inflater.eof:
                    data = inflater.unused_data.lstrip(b"\0")
                    inflater = zlib.decompressobj(wbits=_GZIP)
