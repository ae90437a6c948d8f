"""How a log is read: the few numbers that may be set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from auditwatch.sources.file.framing import LIMIT_BYTES

Start = Literal["Beginning", "Live"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """Times in seconds, sizes in bytes."""

    start: Start = "Live"
    """At the first start ever: from the oldest backup, or from the beginning of the live file."""
    line_limit: int = LIMIT_BYTES
    budget: int = 4 << 20
    """How much is read in one step."""
    grace: float = 2.0
    """How long nothing must have come to a file that was rotated away before it is let go of."""
    patience: float = 60.0
    """How long an unfinished compressed backup may stay as it is before it is given up."""
    look: float = 0.25
    """How often the directory is looked at while there is much to read."""
    shortest_pause: float = 0.02
    longest_pause: float = 0.5
