"""Lines of a watch, read: what each says of one object, and how far the stream has come."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import msgspec

from auditwatch.cluster.framing import ListMeta, members
from auditwatch.sources.state.deliveries import Watched
from auditwatch.sources.state.observation import Observe, UnreadableError

_BOOKMARK: Final = "BOOKMARK"
_DELETED: Final = "DELETED"


class _Event(msgspec.Struct):
    type: str
    object: msgspec.Raw


class _Bookmark(msgspec.Struct):
    metadata: ListMeta = msgspec.field(default_factory=ListMeta)


_EVENTS: Final = msgspec.json.Decoder(_Event)
_BOOKMARKS: Final = msgspec.json.Decoder(_Bookmark)


@dataclass(slots=True)
class Reading:
    """What a group of lines says."""

    events: list[Watched] = field(default_factory=list)
    version: str = ""
    """resourceVersion of the last event or bookmark that has one."""
    unreadable: list[str] = field(default_factory=list)
    """Why, per line that cannot even be told whom it is about."""


def read_lines(lines: Iterable[bytes], observe: Observe) -> Reading:
    """Every line's event, in order; never raises for what a line holds."""
    reading = Reading()
    for line in lines:
        try:
            kind, raw = _event(line)
            if kind == _BOOKMARK:
                reading.version = _BOOKMARKS.decode(raw).metadata.resource_version or reading.version
                continue
            seen = observe(raw)
        except (UnreadableError, KeyError, msgspec.DecodeError, ValueError, RecursionError) as error:
            reading.unreadable.append(str(error))
            continue
        reading.events.append(Watched(seen, is_deletion=kind == _DELETED))
        reading.version = seen.version or reading.version
    return reading


def _event(line: bytes) -> tuple[str, bytes]:
    try:
        event = _EVENTS.decode(line)
        return event.type, bytes(event.object)
    except (msgspec.DecodeError, ValueError, RecursionError):
        parts = dict(members(line))
        return parts["type"].decode().strip('"'), parts["object"]
