"""Times between the journal's seconds and the API's text: objects hold no floats, and MicroTime has six digits."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

_LAST: Final = 253_402_300_799.0
"""9999-12-31T23:59:59Z: what RFC 3339 can say; a client's clock may claim more."""


def rfc3339(seconds: float) -> str:
    """Seconds since the epoch, cut to whole ones, as ``2026-11-23T06:04:25Z``."""
    return _moment(seconds).strftime("%Y-%m-%dT%H:%M:%SZ")


def rfc3339_micro(seconds: float) -> str:
    """The same with six digits, as events.k8s.io/v1 wants ``eventTime`` and ``lastObservedTime``."""
    return _moment(seconds).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def epoch_seconds(text: object) -> float | None:
    """Seconds since the epoch of an RFC 3339 time; ``None`` where it is not one or has no offset."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.timestamp() if moment.tzinfo is not None else None


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(min(max(seconds, 0.0), _LAST), tz=UTC).replace(fold=0)
