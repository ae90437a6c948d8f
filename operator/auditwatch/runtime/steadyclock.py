"""The time of day, without the moments in which somebody had set it wrong.

What waits is told, and what is remembered is forgotten, by the time of day, for both outlive the process. A clock that
is an hour ahead for a moment would end every wait and all remembering at once. So a leap ahead is believed when it has
stood for a while by the clock that nobody sets; a step back is believed at once, for it ends nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

LEAP_SECONDS: Final = 5.0
"""How far the two clocks may drift apart between two looks."""
BELIEVED_SECONDS: Final = 30.0
"""How long a leap has to stand."""


class SteadyClock:
    """``clock``: seconds since the epoch; ``monotonic``: seconds that nobody sets. For one thread."""

    def __init__(self, clock: Callable[[], float], monotonic: Callable[[], float]) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._now = clock()
        self._ticks = monotonic()
        self._leapt: float | None = None
        """When it was first seen ahead, by ``monotonic``."""

    def __call__(self) -> float:
        """Seconds since the epoch."""
        told, ticks = self._clock(), self._monotonic()
        expected = self._now + (ticks - self._ticks)
        if told <= expected + LEAP_SECONDS:
            self._leapt = None
        elif self._leapt is None:
            self._leapt = ticks
        is_believed = self._leapt is None or ticks - self._leapt >= BELIEVED_SECONDS
        self._now, self._ticks = told if is_believed else expected, ticks
        return self._now
