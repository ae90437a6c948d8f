"""Which rules can match a row at all: looked up by kind and verb, so that ten thousand rules cost as little as ten."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Generic, Protocol, TypeVar

from auditwatch.detection.matching import Kind, Selector

MEMO_SIZE: Final = 4096
"""Kinds remembered. A client can invent kinds; beyond this the memo starts anew."""
MEMO_NAMES: Final = 512
"""Characters of the names of a kind that is remembered: a client may send a million of them in one request."""


class Selecting(Protocol):
    """Anything with a selector."""

    @property
    def selector(self) -> Selector:
        """What it selects."""
        ...


R = TypeVar("R", bound=Selecting)


class Index(Generic[R]):
    """Rules by kind, asked once per kind and then remembered."""

    def __init__(self, rules: Iterable[R]) -> None:
        self._rules = tuple(rules)
        self._memo: dict[Kind, tuple[R, ...]] = {}

    def candidates(self, kind: Kind) -> tuple[R, ...]:
        """The rules whose selector fits, in their order."""
        found = self._memo.get(kind)
        if found is None:
            found = tuple(rule for rule in self._rules if rule.selector.fits(kind))
            self._remember(kind, found)
        return found

    def _remember(self, kind: Kind, found: tuple[R, ...]) -> None:
        if len(kind.group) + len(kind.resource) + len(kind.subresource) + len(kind.verb) <= MEMO_NAMES:
            if len(self._memo) >= MEMO_SIZE:
                self._memo.clear()
            self._memo[kind] = found
