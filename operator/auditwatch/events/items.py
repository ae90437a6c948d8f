"""Splits an EventList into its items without decoding them: a hostile item never takes its neighbours along.

A parser that decodes the list as a whole fails as a whole, and the API server sends up to 400 events of everybody in
one list.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from auditwatch.events.scanning import elements, masked, members, skip_space

_LIST: Final = re.compile(rb'[\s\x00]*\{\s*"kind"\s*:\s*"EventList"')


def is_event_list(record: bytes) -> bool:
    """Whether a record says at its beginning that it is an EventList, as the API server writes it."""
    return _LIST.match(record) is not None


def split_items(body: bytes) -> Iterator[bytes]:
    """The items of an EventList, each as it stands there; also of a bare array. A last item may be cut off."""
    mask = masked(body)
    start = skip_space(mask, 0)
    if mask[start : start + 1] == b"{":
        start = _items(body, mask, start)
    if mask[start : start + 1] != b"[":
        return
    for item in elements(mask, start):
        yield body[item.start : item.end]


def _items(body: bytes, mask: bytes, start: int) -> int:
    """Where the value of ``items`` begins; the end of the data where there is none."""
    for member in members(body, mask, start):
        if member.name == b"items":
            return member.value.start
    return len(body)
