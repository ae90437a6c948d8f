"""Numbers, durations and frequencies compared as what they are: ``72h0m0s`` is more than ``48h`` and equal to ``3d``.

Text is compared only where it is text. A pair of values that cannot be ranked has no order, and an operator that
needs one does not hold.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

_UNITS: Final = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600}
_LONG_UNITS: Final = {"d": 86_400, "w": 604_800}
_PART: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ns|us|µs|μs|ms|s|m|h|d|w)")
_DURATION: Final = re.compile(rf"([+-])?(?:{_PART.pattern})+")
_NUMBER: Final = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Measure:
    """An amount and what it measures: ``Number``, ``Duration`` (seconds) or ``Rank`` (place in an order)."""

    amount: float
    unit: str


_ZERO: Final = Measure(0, "Number")


def number(value: object) -> float | None:
    """A JSON number, or text that reads as one; booleans are none, nor is anything not finite."""
    if isinstance(value, str):
        return float(value) if len(value) <= 64 and _NUMBER.fullmatch(value) else None
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    try:
        result = float(value)
    except OverflowError:
        return None
    return result if math.isfinite(result) else None


def duration(value: object) -> float | None:
    """Seconds of a Go duration (``720h0m0s``, ``-1.5h``; Go's ``time.ParseDuration``), with days and weeks added."""
    if not isinstance(value, str) or len(value) > 64:
        return None
    whole = _DURATION.fullmatch(value)
    if whole is None:
        return None
    units = _UNITS | _LONG_UNITS
    total = sum(float(amount) * units[unit] for amount, unit in _PART.findall(value))
    return -total if whole[1] == "-" else total


def measure(value: object, order: Sequence[str] = ()) -> Measure | None:
    """What ``value`` measures; with an ``order`` its place in it, rising. ``None``: it cannot be ranked."""
    if order:
        return Measure(order.index(value), "Rank") if isinstance(value, str) and value in order else None
    amount = number(value)
    if amount is not None:
        return Measure(amount, "Number")
    seconds = duration(value)
    return None if seconds is None else Measure(seconds, "Duration")


def compare(left: Measure | None, right: Measure | None) -> float | None:
    """``left - right``, or ``None`` where they do not measure the same thing. A bare 0 is zero of anything."""
    if left is None or right is None:
        return None
    if left.unit != right.unit and _ZERO not in {left, right}:
        return None
    return left.amount - right.amount
