"""Keys of requests that were told, so that a stage of one that comes late is never told as another request."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

REMEMBERED_SECONDS: Final = 6 * 3_600.0
"""Long enough for the end of a session that was told of when it began."""
MAX_KEYS: Final = 200_000
_KEY_BYTES: Final = 16


class KnownKeys:
    """Blocks of keys, one for each time something was settled: a block is one row of the journal."""

    def __init__(self) -> None:
        self._blocks: OrderedDict[str, tuple[float, set[bytes]]] = OrderedDict()
        self._keys: set[bytes] = set()
        self._new: set[bytes] = set()
        self._gone: list[str] = []
        self._next = 0
        """Number of the next block, above all there ever were as far as is known."""

    def __contains__(self, key: str) -> bool:
        short = _short(key)
        return short in self._keys or short in self._new

    def add(self, key: str) -> None:
        """Remember a key: hex, of at least 128 bits."""
        self._new.add(_short(key))

    def take_dirty(self, now: float) -> dict[str, bytes | None]:
        """The keys added since the last call as one block, and the names of those that went."""
        rows: dict[str, bytes | None] = dict.fromkeys(self._gone)
        self._gone.clear()
        if self._new:
            name = f"{self._next:016x}"
            rows[name] = b"%d\n" % int(now) + b"".join(sorted(self._new))
            self._enter(name, now, self._new)
            self._new = set()
        return rows

    def restore(self, name: str, row: bytes) -> None:
        """Take up a block; what is none is passed over."""
        time, _, keys = row.partition(b"\n")
        if time.isdigit() and len(keys) % _KEY_BYTES == 0:
            block = {keys[start : start + _KEY_BYTES] for start in range(0, len(keys), _KEY_BYTES)}
            self._enter(name, float(time), block)

    def expire(self, now: float) -> None:
        """Forget blocks that are too old or too many, the oldest first."""
        while self._blocks:
            name, (time, keys) = next(iter(self._blocks.items()))
            if now - time <= REMEMBERED_SECONDS and len(self._keys) <= MAX_KEYS:
                return
            del self._blocks[name]
            self._keys -= keys
            self._gone.append(name)

    def _enter(self, name: str, time: float, keys: set[bytes]) -> None:
        self._next = max(self._next, _number(name) + 1)
        self._blocks[name] = (time, keys)
        self._keys |= keys


def _number(name: str) -> int:
    """Of a block; earlier versions gave each the log sequence that came next."""
    try:
        return int(name, 16)
    except ValueError:
        return 0


def _short(key: str) -> bytes:
    return bytes.fromhex(key[: 2 * _KEY_BYTES])
