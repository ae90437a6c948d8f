"""Reads JSON that may have any shape: what is not of the asked type is its empty value, and nothing raises."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from auditwatch.findings.times import epoch_seconds

_Word = TypeVar("_Word", bound=str)


class Reader:
    """A view of one JSON object, or of nothing."""

    def __init__(self, raw: object) -> None:
        self.raw: Mapping[str, Any] = raw if isinstance(raw, Mapping) else {}

    def child(self, name: str) -> Reader:
        """The object under ``name``."""
        return Reader(self.raw.get(name))

    def children(self, name: str) -> list[Reader]:
        """The objects of the list under ``name``."""
        return [Reader(item) for item in self._items(name) if isinstance(item, Mapping)]

    def text(self, name: str) -> str:
        """The string under ``name``."""
        found = self.raw.get(name)
        return found if isinstance(found, str) else ""

    def texts(self, name: str) -> list[str]:
        """The strings of the list under ``name``."""
        return [item for item in self._items(name) if isinstance(item, str)]

    def number(self, name: str) -> int:
        """The integer under ``name``."""
        found = self.raw.get(name)
        return found if isinstance(found, int) and not isinstance(found, bool) else 0

    def time(self, name: str) -> float | None:
        """The RFC 3339 time under ``name`` in seconds since the epoch."""
        return epoch_seconds(self.raw.get(name))

    def word(self, name: str, words: tuple[_Word, ...], default: _Word) -> _Word:
        """The one of ``words`` under ``name``."""
        found = self.raw.get(name)
        return next((word for word in words if word == found), default)

    def _items(self, name: str) -> list[Any]:
        found = self.raw.get(name)
        return found if isinstance(found, list) else []
