"""Which rules can match a row at all: looked up by kind and verb, so that ten thousand rules cost as little as ten."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Generic, Protocol, TypeVar

from auditwatch.detection.matching import Kind, Selector

MEMO_SIZE: Final = 4096
"""Kinds remembered. A client can invent kinds; beyond this the memo starts anew."""


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
            if len(self._memo) >= MEMO_SIZE:
                self._memo.clear()
            found = self._memo[kind] = tuple(rule for rule in self._rules if rule.selector.fits(kind))
        return found
