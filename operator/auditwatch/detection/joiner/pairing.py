"""Whether the API server and the server behind it tell of one request.

The audit ID passes from one to the other, but the client chose it; so it says where to look, and never by itself that
two requests are one. Two tellings from the same kind of source are never one request.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from auditwatch.detection.joiner.asking import Asked
from auditwatch.detection.joiner.fitting import SLACK_SECONDS
from auditwatch.detection.joiner.pending import PendingRequest

T = TypeVar("T")


def is_same_request(front: Asked, behind: Asked) -> bool:
    """Whether what the server ``behind`` recorded is what the API server in ``front`` passed on to it."""
    return front.audit_id == behind.audit_id != "" and _agree(front, behind)


def is_like_request(front: Asked, behind: Asked) -> bool:
    """The same by all but the audit ID, which the server behind may not have been told; others may be like it too."""
    return front.audit_id != behind.audit_id and front.place == behind.place and _agree(front, behind)


def _agree(front: Asked, behind: Asked) -> bool:
    return (
        (front.user, front.verb, front.uri) == (behind.user, behind.verb, behind.uri)
        and front.place[:4] == behind.place[:4]
        and front.start - SLACK_SECONDS <= behind.start <= front.end + SLACK_SECONDS
        and front.outcome in (behind.outcome, "Unknown")
    )


def only_pairs(requests: Iterable[PendingRequest]) -> Iterator[tuple[PendingRequest, PendingRequest]]:
    """Of the requests about one place, those in front and behind that are like each other and like no other."""
    single = [each for each in requests if not each.is_paired]
    fronts = [each for each in single if each.audited is not None]
    relays = [each for each in single if each.relay is not None]
    for front in fronts:
        behind = [each for each in relays if is_like_request(front.asked, each.asked)]
        if len(behind) == 1 and sum(is_like_request(each.asked, behind[0].asked) for each in fronts) == 1:
            yield front, behind[0]


def nearest(asked: Asked, found: Iterable[tuple[Asked, T]]) -> T | None:
    """The one that began nearest to it."""
    ordered = sorted(found, key=lambda each: abs(each[0].start - asked.start))
    return ordered[0][1] if ordered else None
