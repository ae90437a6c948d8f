"""Windows of counting stories: how many within a timespan, by event time, in whatever order they arrive.

A window keeps at most :data:`MAX_ENTRIES` entries. Up to that many distinct times it is exact, and the sum of what it
reports does not depend on the order of arrival; beyond, neighbours closer than a 31st of the timespan are counted as
one entry. Where different values are counted, repetitions of one are put together at the time of the last instead: a
client that asks the same for ever takes one entry, and does not push out the others. Each entry knows how much of it
was reported, so that an incident counts each activity once: when a threshold is crossed all of the window is reported,
then one by one whatever falls into a window that is full enough.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

import msgspec

MAX_ENTRIES: Final = 64
_CELLS: Final = 31
"""Two timespans are kept, for what arrives late: twice 31 cells are fewer than :data:`MAX_ENTRIES`."""


class Entry(msgspec.Struct, array_like=True):
    """Activities at about one time. ``sequence`` is the log sequence of the newest of them, ``value`` what is alike."""

    time: float
    count: int
    sequence: int
    reported: int = 0
    value: int = 0


class Window(msgspec.Struct, array_like=True):
    """Entries of one group, by rising time."""

    entries: list[Entry] = msgspec.field(default_factory=list)

    @property
    def newest(self) -> float:
        """Event time of the newest entry; the window is never empty once something was added."""
        return self.entries[-1].time if self.entries else 0.0


@dataclass(frozen=True, slots=True)
class Crossing:
    """The threshold is met. ``count``: what was not reported before; ``total``: all that stands in full windows."""

    count: int
    total: int
    sequences: tuple[int, ...]


def add(
    window: Window, *, time: float, count: int, sequence: int, timespan: float, threshold: int, value: int | None = None
) -> Crossing | None:
    """Count one activity; a crossing if a window of ``timespan`` seconds (bounds included) around it is full enough.

    ``value``: different values are counted, and this is the activity's. What is older than two timespans before it and
    before the two that came last is not counted any more.
    """
    entries, lately = window.entries, _lately(window.entries, time)
    place = len(entries) if time >= window.newest else bisect.bisect_right(entries, time, key=_time)
    entries.insert(place, Entry(time, count, sequence, value=value or 0))
    _forget(window, lately[0] - 2 * timespan)
    if len(entries) > MAX_ENTRIES:
        window.entries = _by_cell(entries, timespan / _CELLS) if value is None else _by_value(entries, timespan)
        _crop(window, present=lately[(len(lately) - 1) // 2])
    place = bisect.bisect_right(window.entries, time, key=_time) - 1
    held = _amount(window.entries) if value is None else _variety(window.entries)
    return _crossing(_full(window.entries, place, timespan, held, threshold)) if place >= 0 else None


def sum_around(window: Window, time: float, timespan: float) -> int:
    """The most that any window of ``timespan`` seconds holds that contains ``time``."""
    times, sums = [entry.time for entry in window.entries], _sums(window.entries)
    starts = [start for start in (*times, time) if start <= time <= start + timespan]
    return max(_held(times, sums, start, timespan) for start in starts)


def _held(times: Sequence[float], sums: Sequence[int], start: float, timespan: float) -> int:
    return sums[bisect.bisect_right(times, start + timespan)] - sums[bisect.bisect_left(times, start)]


def _time(entry: Entry) -> float:
    return entry.time


def _sums(entries: Sequence[Entry]) -> list[int]:
    return [0, *accumulate(entry.count for entry in entries)]


def _sequence(entry: Entry) -> int:
    return entry.sequence


def _lately(entries: Sequence[Entry], time: float) -> list[float]:
    """Times of the activity and of the two that came last, rising. The middle one is about the present.

    One event with a wrong time, years ahead or back, so neither ends what is counted nor hides what comes after it.
    """
    return sorted([time, *map(_time, sorted(entries, key=_sequence)[-2:])])


def _forget(window: Window, eldest: float) -> None:
    """Drop what is too old."""
    if window.entries[0].time < eldest:
        del window.entries[: bisect.bisect_left(window.entries, eldest, key=_time)]


def _crop(window: Window, *, present: float) -> None:
    """Keep what is nearest to the present: what lies in the future of it goes before what is counted now."""
    entries = window.entries
    while len(entries) > MAX_ENTRIES:
        del entries[0 if present - entries[0].time > entries[-1].time - present else -1]


def _by_cell(entries: Sequence[Entry], cell: float) -> list[Entry]:
    """One entry for those of one cell, at the time of the first."""
    merged: list[Entry] = []
    for entry in entries:
        last = merged[-1] if merged else None
        if last is None or entry.time // cell != last.time // cell:
            merged.append(entry)
        else:
            _take_in(last, entry)
    return merged


def _by_value(entries: Sequence[Entry], timespan: float) -> list[Entry]:
    """One entry for those of one value that are no timespan apart, at the time of the last."""
    merged: list[Entry] = []
    nearest: dict[int, Entry] = {}
    for entry in reversed(entries):
        later = nearest.get(entry.value)
        if later is None or later.time - entry.time > timespan:
            merged.append(entry)
            nearest[entry.value] = entry
        else:
            _take_in(later, entry)
    return merged[::-1]


def _take_in(entry: Entry, other: Entry) -> None:
    entry.count += other.count
    entry.reported += other.reported
    entry.sequence = max(entry.sequence, other.sequence)


def _crossing(full: Sequence[Entry]) -> Crossing | None:
    if not full:
        return None
    total = sum([entry.count for entry in full])
    fresh = total - sum([entry.reported for entry in full])
    for entry in full:
        entry.reported = entry.count
    sequences = sorted({entry.sequence for entry in full})[-MAX_ENTRIES:]
    return Crossing(fresh, total, tuple(sequences))


Held = Callable[[int, int], int]
"""How much the entries from one place up to another are."""


def _amount(entries: Sequence[Entry]) -> Held:
    sums = _sums(entries)
    return lambda start, end: sums[end] - sums[start]


def _variety(entries: Sequence[Entry]) -> Held:
    return lambda start, end: len({entry.value for entry in entries[start:end]})


def _full(entries: list[Entry], place: int, timespan: float, held: Held, threshold: int) -> list[Entry]:
    """The entries of every full enough window that contains the one at ``place``: they are neighbours."""
    times = [entry.time for entry in entries]
    first = bisect.bisect_left(times, times[place], key=lambda start: start + timespan)
    if place == len(entries) - 1:  # the widest window that ends with the newest entry holds all the others do
        return entries[first:] if held(first, len(entries)) >= threshold else []

    def end_of(start: int) -> int:
        return bisect.bisect_right(times, times[start] + timespan)

    full = [start for start in range(first, place + 1) if held(start, end_of(start)) >= threshold]
    # The later a window begins the later it ends: those between the first and the last need not be looked at.
    return entries[full[0] : end_of(full[-1])] if full else []
