"""Which of the audit log's ways to the operator are connected: ``DEMO_AUDIT``, everything by default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tests.cluster.errors import ClusterError

VARIABLE: Final = "DEMO_AUDIT"
WAYS: Final[Mapping[str, tuple[str, ...]]] = {
    "all": ("file", "webhook"),
    "file": ("file",),
    "webhook": ("webhook",),
    "none": (),
}
_WORDS: Final = {
    "all": "the audit log by file and by webhook, K10's own record of requests, and watch loops",
    "file": "the audit log by file, K10's own record of requests, and watch loops",
    "webhook": "the audit log by webhook, K10's own record of requests, and watch loops",
    "none": "watch loops and K10's own record of requests, and no audit log",
}


def chosen(environment: Mapping[str, str]) -> str:
    """The way that is asked for. Raises :class:`ClusterError` where there is no such way."""
    way = environment.get(VARIABLE, "all").strip().lower() or "all"
    if way not in WAYS:
        raise ClusterError(f"{VARIABLE}={way}: one of {', '.join(WAYS)} is expected")
    return way


def in_words(way: str) -> str:
    """What the operator sees by."""
    return _WORDS[way]
