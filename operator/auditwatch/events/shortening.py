"""Leaves long texts out of a body that is too large to keep, so that what stands beside them is still seen.

A client can make any request large by adding a text that nothing reads. It must not thereby hide the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from auditwatch.events.scanning import masked

LONGEST: Final = 4_096
"""Bytes of a text, as it is written, that is kept in a body which is too large."""

_TEXT: Final = re.compile(rb'"[^"]*"')


def shortened(data: bytes) -> bytes:
    """``data`` (JSON) with a remark in place of every text longer than :data:`LONGEST`, names of fields included."""
    return b"".join(_parts(data))


def _parts(data: bytes) -> Iterator[bytes]:
    kept = 0
    for found in _TEXT.finditer(masked(data)):
        start, end = found.span()
        if end - start > LONGEST:
            yield data[kept:start]
            yield b'"(a text of %d bytes)"' % (end - start - 2)
            kept = end
    yield data[kept:]
