"""When a finding that happened again is told again: a thousand repeats are three requests, and a slow drip is told too.

The first repeat is told at once, for it turns an incident into a series; from there on only growth by a factor of 32,
or half an hour, is news. Decisions only; the recorder sends.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

GROWTH: Final = 32
HEARTBEAT_SECONDS: Final = 1800.0

Step = Literal["Create", "Patch", "Nothing"]


@dataclass(frozen=True, slots=True)
class Told:
    """What the API server was told of one finding's Event, and when (seconds)."""

    count: int
    at: float


def next_step(told: Told | None, *, count: int, now: float) -> Step:
    """What to do about an incident that has now been counted ``count`` times."""
    if told is None:
        return "Create"
    if count <= told.count:
        return "Nothing"
    due = told.count == 1 or count >= told.count * GROWTH or now - told.at >= HEARTBEAT_SECONDS
    return "Patch" if due else "Nothing"
