"""Takes a line apart that holds a torn event with the next one glued to it.

The API server writes an event and its newline at once. After a crash or a full disk only a part is there, and the
next event follows without a newline. Where it begins is told by how every event begins, but a client can put the same
text into an object it sends, where it is nested JSON. So a beginning counts where no value could stand, or where
everything from there on is exactly one whole object, which nothing nested in another can be.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

MARKER: Final = b'{"kind":"Event","apiVersion":"audit.k8s.io/v1","level"'


def split_glued(line: bytes) -> Iterator[bytes]:
    """The events of a line: mostly one, itself; the torn ones before it where it was glued to them."""
    if line.find(MARKER, 1) < 0:
        yield line
        return
    yield line
