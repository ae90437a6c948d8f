"""Findings that the API server refuses as they are: they wait like the others, and people are told what to mend."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refused:
    """What is refused of one watch."""

    findings: int = 0
    seconds: float = 0.0
    """For how long the one is refused that is refused longest."""
    why: str = ""
    """The answer that most of them got last, with what to do."""


@dataclass(frozen=True, slots=True)
class _Refusal:
    watch: str
    since: float
    why: str


class Refusals:
    """By key of the finding. ``moment``: seconds of one steady clock."""

    def __init__(self) -> None:
        self._by_key: dict[str, _Refusal] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._by_key

    def keys(self) -> frozenset[str]:
        """Every finding that is refused."""
        return frozenset(self._by_key)

    def note(self, key: str, watch: str, why: str, *, moment: float) -> None:
        """It was refused, maybe again."""
        before = self._by_key.get(key)
        self._by_key[key] = _Refusal(watch, before.since if before else moment, why)

    def drop(self, key: str) -> None:
        """It was written, or there is nothing to write any more."""
        self._by_key.pop(key, None)

    def counts(self) -> Mapping[str, int]:
        """How many of each watch."""
        return Counter(refusal.watch for refusal in self._by_key.values())

    def of(self, watch: str, *, moment: float) -> Refused:
        """What is refused of this watch."""
        own = [refusal for refusal in self._by_key.values() if refusal.watch == watch]
        if not own:
            return Refused()
        ((why, _),) = Counter(refusal.why for refusal in own).most_common(1)
        return Refused(len(own), max(0.0, moment - min(refusal.since for refusal in own)), why)
