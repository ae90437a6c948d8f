"""How much memory all requests together may hold. Who finds no room is to come again; nobody waits holding some."""

from __future__ import annotations

from types import TracebackType
from typing import Self


class NoRoomError(Exception):
    """What a request brings does not fit now. ``ever``: whether it would fit if it were alone."""

    def __init__(self, *, ever: bool) -> None:
        super().__init__("other requests hold the memory there is" if ever else "larger than all the memory there is")
        self.ever = ever


class Budget:
    """Bytes that may be held at one moment. Belongs to one event loop."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0

    def flight(self) -> Flight:
        """What one request will hold; given back in the end of its ``with``."""
        return Flight(self)


class Flight:
    """The share of one request."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._held = 0

    def grow(self, size: int) -> None:
        """Hold ``size`` bytes more. Raises :class:`NoRoomError`; then nothing more is held than before."""
        self.expect(size)
        self._hold(size)

    def enter(self, size: int) -> None:
        """:meth:`grow`, but what is too large for the limit is let in alone."""
        if self._budget.used:
            self.expect(size)
        self._hold(size)

    def expect(self, size: int) -> None:
        """Raise :class:`NoRoomError` where ``size`` bytes more would not fit."""
        if self._budget.used + size > self._budget.limit:
            raise NoRoomError(ever=self._held + size <= self._budget.limit)

    def _hold(self, size: int) -> None:
        self._held += size
        self._budget.used += size

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._budget.used -= self._held
        self._held = 0
