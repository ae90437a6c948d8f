"""What is about one place, by time and by version, so that only what can explain a change is ever looked at.

However much somebody does to one object, the requests about it that overlap a change are those of a few seconds.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from auditwatch.detection.joiner.asking import Asked, Place
from auditwatch.detection.joiner.fitting import SLACK_SECONDS
from auditwatch.detection.joiner.steps import Step

N = TypeVar("N", int, str)
H = TypeVar("H")


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when, seconds since the epoch; and the version, where the server gave one."""

    begin: float
    end: float
    version: str = ""


def span_of_request(asked: Asked) -> Span:
    """When a request may have made what it made."""
    return Span(asked.start - SLACK_SECONDS, asked.end + SLACK_SECONDS, asked.version)


def span_of_step(step: Step) -> Span:
    """When a change may have been made."""
    return Span(-math.inf if step.earliest is None else step.earliest, step.latest, step.version)


class Timelines(Generic[N, H]):
    """Things by the places they are about."""

    def __init__(self) -> None:
        self._lines: dict[Place, _Timeline[N, H]] = {}
        self._places: dict[N, tuple[Place, ...]] = {}

    def put(self, name: N, thing: H, places: Iterable[Place], span: Span) -> None:
        """Let it be found at these places, and at no others."""
        self.take(name)
        self._places[name] = tuple(places)
        for place in self._places[name]:
            self._lines.setdefault(place, _Timeline()).put(name, thing, span)

    def take(self, name: N) -> None:
        """Let it be found no more."""
        for place in self._places.pop(name, ()):
            line = self._lines[place]
            line.take(name)
            if not line.things:
                del self._lines[place]

    def at(self, place: Place) -> list[H]:
        """All that is about a place, in the order in which it came."""
        line = self._lines.get(place)
        return [] if line is None else [thing for thing, _ in line.things.values()]

    def near(self, places: Iterable[Place], span: Span) -> list[H]:
        """What overlaps a span at any of these places, or has its version."""
        lines = [self._lines[place] for place in places if place in self._lines]
        found = {name: thing for line in lines for name, thing in line.near(span)}
        found |= {name: thing for line in lines for name, thing in line.of_version(span.version)}
        return list(found.values())

    def of_version(self, places: Iterable[Place], version: str) -> list[H]:
        """What has this version at any of these places."""
        lines = [self._lines[place] for place in places if place in self._lines]
        return list({name: thing for line in lines for name, thing in line.of_version(version)}.values())


class _Timeline(Generic[N, H]):
    """One place. Spans of about the same length stand in one row, so that a long one lengthens no other's search."""

    def __init__(self) -> None:
        self.things: dict[N, tuple[H, Span]] = {}
        self._rows: dict[int, list[tuple[float, N]]] = {}
        """By the binary logarithm of the length, by when they begin."""
        self._endless: list[tuple[float, N]] = []
        """Those without a beginning, by when they end."""
        self._versions: dict[str, set[N]] = {}

    def put(self, name: N, thing: H, span: Span) -> None:
        self.things[name] = (thing, span)
        if span.version:
            self._versions.setdefault(span.version, set()).add(name)
        if math.isinf(span.begin):
            insort(self._endless, (span.end, name))
        else:
            insort(self._rows.setdefault(_rank(span), []), (span.begin, name))

    def take(self, name: N) -> None:
        _, span = self.things.pop(name)
        if span.version:
            self._versions[span.version].discard(name)
            if not self._versions[span.version]:
                del self._versions[span.version]
        if math.isinf(span.begin):
            _remove(self._endless, (span.end, name))
            return
        row = self._rows[_rank(span)]
        _remove(row, (span.begin, name))
        if not row:
            del self._rows[_rank(span)]

    def near(self, span: Span) -> Iterator[tuple[N, H]]:
        for rank, row in self._rows.items():
            first = bisect_left(row, (span.begin - 2.0**rank,))
            for begin, name in row[first : bisect_left(row, (math.nextafter(span.end, math.inf),))]:
                thing, own = self.things[name]
                if begin <= span.end and own.end >= span.begin:
                    yield name, thing
        for _, name in self._endless[bisect_left(self._endless, (span.begin,)) :]:
            yield name, self.things[name][0]

    def of_version(self, version: str) -> Iterator[tuple[N, H]]:
        for name in sorted(self._versions.get(version, ())) if version else ():
            yield name, self.things[name][0]


def _rank(span: Span) -> int:
    """No span of a rank is longer than that power of two in seconds."""
    return max(math.frexp(span.end - span.begin)[1], 0)


def _remove(row: list[tuple[float, N]], entry: tuple[float, N]) -> None:
    del row[bisect_left(row, entry)]
