"""Every window of every story in force, by key, with what changed since it was last saved."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from auditwatch.detection.counting import Window

MAX_KEYS: Final = 10_000
"""Groups one story counts at once. Beyond, the one that was quiet the longest is forgotten, and counted as such."""

_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(Window)


class WindowsCorruptError(ValueError):
    """A saved window cannot be read; the message names its key."""


def window_prefix(watch: str, rule: str, digest: str) -> str:
    """What the keys of one rule's windows start with: another digest is another rule."""
    return f"{watch}/{rule}/{digest[:16]}/"


def group_key(group: Sequence[tuple[str, str]]) -> str:
    """Sha256 (32 hex) of a group: its values may be long, and anything."""
    return hashlib.sha256(msgspec.json.encode([list(pair) for pair in group])).hexdigest()[:32]


class Windows:
    """Windows by prefix and key. Keys within a prefix stand in the order of their last use."""

    def __init__(self) -> None:
        self._by_prefix: dict[str, dict[str, Window]] = {}
        self._dirty: set[tuple[str, str]] = set()
        self._swept: dict[str, float] = {}
        self._last: dict[str, float] = {}
        self.forgotten: Counter[str] = Counter()
        """Windows pushed out by :data:`MAX_KEYS`, by prefix."""

    def use(self, prefix: str, key: str, *, now: float, timespan: float) -> Window:
        """The window to be changed, made where there is none."""
        windows = self._by_prefix.setdefault(prefix, {})
        window = windows.pop(key, None) or Window()
        self._sweep(prefix, min(now, self._last.get(prefix, now)), timespan)
        self._last[prefix] = now
        if len(windows) >= MAX_KEYS:
            self._drop(prefix, [next(iter(windows))])
            self.forgotten[prefix] += 1
        windows[key] = window
        self._dirty.add((prefix, key))
        return window

    def _sweep(self, prefix: str, now: float, timespan: float) -> None:
        """Drop what is over. ``now`` is the earlier of two times, so that one that is wrong ends nothing."""
        if abs(now - self._swept.setdefault(prefix, now)) > timespan:
            over = [name for name, old in self._by_prefix[prefix].items() if old.newest < now - 2 * timespan]
            self._drop(prefix, over)
            self._swept[prefix] = now

    def restore(self, rows: Iterable[tuple[str, bytes]]) -> None:
        """Take up saved windows; raises :class:`WindowsCorruptError`."""
        for name, payload in rows:
            prefix, _, key = name.rpartition("/")
            try:
                self._by_prefix.setdefault(f"{prefix}/", {})[key] = _DECODER.decode(payload)
            except msgspec.DecodeError as error:
                raise WindowsCorruptError(f"saved window {name!r} cannot be read: {error}") from error

    def keep(self, watch: str, prefixes: frozenset[str]) -> None:
        """Forget every window of a watch whose prefix does not start with one of these."""
        for prefix in [
            name for name in self._by_prefix if name.startswith(f"{watch}/") and not name.startswith(tuple(prefixes))
        ]:
            self._dirty.update((prefix, key) for key in self._by_prefix.pop(prefix))

    def watches(self) -> frozenset[str]:
        """``namespace/name`` of every watch that has windows."""
        return frozenset("/".join(prefix.split("/")[:2]) for prefix in self._by_prefix)

    def take_dirty(self) -> dict[str, bytes | None]:
        """By key, the encoded windows changed since the last call; ``None`` where one is gone."""
        dirty, self._dirty = self._dirty, set()
        return dict(self._encoded(dirty))

    def _encoded(self, dirty: set[tuple[str, str]]) -> Iterator[tuple[str, bytes | None]]:
        for prefix, key in dirty:
            window = self._by_prefix.get(prefix, {}).get(key)
            yield prefix + key, None if window is None else _ENCODER.encode(window)

    def _drop(self, prefix: str, keys: Iterable[str]) -> None:
        for key in keys:
            del self._by_prefix[prefix][key]
            self._dirty.add((prefix, key))
