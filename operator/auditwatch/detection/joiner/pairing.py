"""Whether the API server and the server behind it tell of one request.

The audit ID passes from one to the other, but the client chose it; so it says where to look, and never by itself that
two requests are one. Two tellings from the same kind of source are never one request.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from auditwatch.detection.joiner.asking import Asked
from auditwatch.detection.joiner.fitting import SLACK_SECONDS

T = TypeVar("T")


def is_same_request(front: Asked, behind: Asked) -> bool:
    """Whether what the server ``behind`` recorded is what the API server in ``front`` passed on to it."""
    return (
        front.audit_id == behind.audit_id != ""
        and (front.user, front.verb, front.uri) == (behind.user, behind.verb, behind.uri)
        and front.place[:4] == behind.place[:4]
        and front.start - SLACK_SECONDS <= behind.start <= front.end + SLACK_SECONDS
        and front.outcome in (behind.outcome, "Unknown")
    )


def nearest(asked: Asked, found: Iterable[tuple[Asked, T]]) -> T | None:
    """The one that began nearest to it."""
    ordered = sorted(found, key=lambda each: abs(each[0].start - asked.start))
    return ordered[0][1] if ordered else None
