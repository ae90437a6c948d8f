"""From one physical record (a line of a log, the body of a webhook's request) to the audit events in it.

A record is one event, or an EventList. A line of a log may also hold an event that was cut off by a crash or a full
disk, with the next one glued to it: the API server goes on writing at the end of the file, whatever is there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec
import stringzilla

from auditwatch.events.items import is_event_list, split_items
from auditwatch.events.resync import MARKER, split_glued

_BLANK: Final = b"\x00 \t\r\n"
_BOM: Final = b"\xef\xbb\xbf"
_LEAST_BYTES: Final = 8
"""Per comma. A list with more of them may hold millions of items that are no events: it is split one after the other,
for all of them at once would take thirty times its size in memory. Events have one comma in 25 bytes or more.
"""


class _List(msgspec.Struct):
    kind: str = ""
    items: list[msgspec.Raw] | None = None


class _Head(msgspec.Struct):
    kind: str = ""
    items: msgspec.Raw = msgspec.Raw()


_decoder: Final = msgspec.json.Decoder(_List)
_head: Final = msgspec.json.Decoder(_Head)


def unwrap(record: bytes) -> Iterator[bytes]:
    """The audit events in a record, as they stand there; what may be none is passed on for :func:`decode` to refuse.

    Blank records have none. Leading NULs (a file that was truncated from outside while being written) are skipped.
    """
    record = record.strip(_BLANK).removeprefix(_BOM).lstrip(_BLANK)
    if not record:
        return
    if record.startswith(MARKER):
        yield from split_glued(record)
    elif is_event_list(record) or record.startswith(b"["):
        yield from _items(record)
    else:
        yield from _other(record)


def _items(record: bytes) -> Iterator[bytes]:
    items = _decoded_items(record)
    if items is None:
        yield from split_items(record)
    else:
        yield from map(bytes, items)


def _decoded_items(record: bytes) -> list[msgspec.Raw] | None:
    """The items of a list that is sound as a whole, which is much faster than splitting it."""
    if stringzilla.count(record, b",") * _LEAST_BYTES > len(record):
        return None
    try:
        return _decoder.decode(record).items
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None


def _other(record: bytes) -> Iterator[bytes]:
    """A list whose fields stand in another order, or a torn line whose beginning is elsewhere, or nothing of ours."""
    if b'"items"' in record and b'"EventList"' in record and _is_list(record):
        yield from _items(record)
    else:
        yield from split_glued(record)


def _is_list(record: bytes) -> bool:
    try:
        found = _head.decode(record)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return False
    return found.kind == "EventList" and bytes(memoryview(found.items)[:1]) == b"["
