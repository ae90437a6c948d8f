"""The two values JSON has no word for: a field that is absent, and a field nobody has seen.

Detection decides in three values (present, absent, unknown), so *absent* and *unknown* must never be mistaken for
each other or for JSON's ``null``. They are members of an enumeration: they keep their identity through copies and
pickles, and mypy narrows on ``is``.
"""

from __future__ import annotations

import enum
from typing import Final, Literal

import msgspec

from auditwatch.events.activity import JSONObject


class Sentinel(enum.Enum):
    """The type of :data:`MISSING` and :data:`UNKNOWN`."""

    MISSING = "missing"
    UNKNOWN = "unknown"

    def __repr__(self) -> str:
        """Read in test failures and debug logs as the names the code uses."""
        return self.name

    def __bool__(self) -> bool:
        """Neither is a value, so neither is true; ask ``is`` to tell them apart."""
        return False


MISSING: Final = Sentinel.MISSING
"""Its container was seen, and it is not there."""

UNKNOWN: Final = Sentinel.UNKNOWN
"""Nobody saw its container: not logged, degraded, or the old version is not held."""

Missing = Literal[Sentinel.MISSING]
Unknown = Literal[Sentinel.UNKNOWN]


def is_known(value: object) -> bool:
    """Whether somebody looked: true for a value and for :data:`MISSING`."""
    return value is not UNKNOWN


def is_present(value: object) -> bool:
    """Whether there is a value: neither absent nor unknown."""
    return value is not UNKNOWN and value is not MISSING


def body_value(body: JSONObject | msgspec.UnsetType | None) -> JSONObject | Sentinel:
    """An activity's object in detection's words: ``UNSET`` is :data:`UNKNOWN`, ``None`` is :data:`MISSING`."""
    if body is None:
        return MISSING
    return UNKNOWN if isinstance(body, msgspec.UnsetType) else body
