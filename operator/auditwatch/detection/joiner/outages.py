"""When the API of a kind answered nobody: what was asked of it meanwhile, and is not known to have been done, failed.

Watched state tells of an outage once the API answers again. Until then the end of such a request is unknown, and a
change that shows later says that it was carried out after all.
"""

from __future__ import annotations

from typing import Final

import msgspec

from auditwatch.detection.joiner.asking import Asked
from auditwatch.events.activity import API_DOWN, Gap

REMEMBERED_SECONDS: Final = 3_600.0
"""Longer than the event of a request may be late and still be told with the others of its time."""
MAX_OUTAGES: Final = 1_000


class Outages:
    """The latest outages, of every kind."""

    def __init__(self) -> None:
        self._all: dict[str, Gap] = {}
        self._dirty: dict[str, bytes | None] = {}

    def note(self, gap: Gap) -> bool:
        """Remember ``gap`` where it is an outage, and say so."""
        if gap.reason != API_DOWN:
            return False
        name = f"{gap.cluster}/{gap.subject}/{gap.start:.6f}"
        self._all[name] = gap
        self._dirty[name] = _ENCODER.encode(gap)
        return True

    def covers(self, asked: Asked) -> bool:
        """Whether the API of its kind answered nobody from before this request to after it."""
        return any(is_within(asked, gap) for gap in self._all.values())

    def expire(self, now: float) -> None:
        """Forget what is long past."""
        old = [name for name, gap in self._all.items() if now - gap.end > REMEMBERED_SECONDS]
        excess = len(self._all) - MAX_OUTAGES
        for name in dict.fromkeys([*old, *list(self._all)[: max(excess, 0)]]):
            del self._all[name]
            self._dirty[name] = None

    def take_dirty(self) -> dict[str, bytes | None]:
        """What changed since the last call, by name."""
        rows = dict(sorted(self._dirty.items()))
        self._dirty.clear()
        return rows

    def restore(self, name: str, row: bytes) -> None:
        """Take up what :meth:`take_dirty` gave out. Raises :class:`msgspec.DecodeError`."""
        self._all[name] = _DECODER.decode(row)


def is_within(asked: Asked, outage: Gap) -> bool:
    """Whether a request came and ended while the API of its kind answered nobody."""
    cluster, group, resource = asked.place[:3]
    is_about = (outage.cluster, outage.subject) == (cluster, f"{group}/{resource}".removeprefix("/"))
    return is_about and outage.start <= asked.start and asked.end <= outage.end


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(Gap)
