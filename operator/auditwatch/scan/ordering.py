"""Puts the files of one log that people named in the order of time: a shell names the newest first.

``audit.log*`` is ``audit.log audit.log.1``, and what a field was before is learnt from what was read before. Names do
not tell which file is older, but the first event in each does. Directories are sorted by the names in them already.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from itertools import groupby
from typing import Final

from auditwatch.detection.audited import time_of
from auditwatch.events.decode import NotAnAuditEventError, decode
from auditwatch.events.unwrap import unwrap
from auditwatch.scan.inflating import ReadError
from auditwatch.scan.inputs import Input
from auditwatch.scan.reading import plain, streamed

_LINES: Final = 20
"""In which the first event is looked for: the first may be torn."""


def in_order(inputs: Sequence[Input]) -> tuple[Input, ...]:
    """The same inputs; named files of one directory by the time of their first event, with nothing moved past a stream.

    What has no such time stays where it is, and so does what a directory holds.
    """
    runs = [list(run) for _, run in groupby(inputs, key=lambda each: each.form == "Stream")]
    return tuple(each for run in runs for each in _run_in_order(run))


def _run_in_order(run: list[Input]) -> list[Input]:
    places: defaultdict[str, list[int]] = defaultdict(list)
    for place, each in enumerate(run):
        if not each.directory and each.form != "Stream":
            places[os.path.dirname(os.path.abspath(each.name))].append(place)  # noqa: PTH100, PTH120 - links stay
    ordered = list(run)
    for of_directory in places.values():
        timed = [(time, place) for place in of_directory if (time := _first_time(run, of_directory, place)) is not None]
        for (_, source), target in zip(sorted(timed), sorted(place for _, place in timed), strict=True):
            ordered[target] = run[source]
    return ordered


def _first_time(run: list[Input], of_directory: list[int], place: int) -> float | None:
    """When the first event of a file was; it is not read where nothing is beside it."""
    return first_time(run[place]) if len(of_directory) > 1 else None


def first_time(of: Input) -> float | None:
    """When the first event of a plain or compressed file was; ``None`` where its first lines do not tell."""
    try:
        with plain(of.name, 0, of.size) if of.form == "Plain" else streamed(of.name) as windows:
            window = next(iter(windows), None)
            if window is None or window.is_cut:
                return None
            lines = bytes(window.data[window.start : window.end]).split(b"\n", _LINES)
            window.release()
    except (OSError, ReadError):
        return None  # reading it tells why
    return next((time for line in lines[:_LINES] for raw in unwrap(line) if (time := _time(raw)) is not None), None)


def _time(raw: bytes) -> float | None:
    try:
        return time_of(decode(raw).event)
    except NotAnAuditEventError:
        return None
