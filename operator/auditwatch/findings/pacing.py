"""How fast we may write: a token bucket that is asked with the time, so that its decisions are tested without one."""

from __future__ import annotations

from typing import Final

_ROUNDING: Final = 1e-9
"""Waiting for exactly one token must yield it, whatever binary fractions make of the sum."""


class TokenBucket:
    """``rate`` tokens per second, at most ``burst`` saved up; full at first. Times are seconds of any steady clock."""

    def __init__(self, *, rate: float, burst: int) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = float(burst)
        self._updated: float | None = None

    def take(self, now: float) -> bool:
        """Take one token; false where there is none yet."""
        self._refill(now)
        if self._tokens < 1 - _ROUNDING:
            return False
        self._tokens = max(0.0, self._tokens - 1)
        return True

    def wait(self, now: float) -> float:
        """Seconds until :meth:`take` would succeed; 0 where it would now."""
        self._refill(now)
        return 0.0 if self._tokens >= 1 - _ROUNDING else (1 - self._tokens) / self._rate

    def _refill(self, now: float) -> None:
        # A clock that steps back gives nothing, neither then nor when it comes forward again.
        elapsed = max(0.0, now - self._updated) if self._updated is not None else 0.0
        self._tokens = min(self._burst, self._tokens + elapsed * self._rate)
        self._updated = now if self._updated is None else max(now, self._updated)
