"""Gaps that an agent tells of with a post: stretches of its log that it knows to be lost.

They are the sender's word about its own log and nothing else: source and instance are those it has proven to be. What
cannot be read costs only itself, for the events of the same post are good.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final

import msgspec
import structlog

from auditwatch.events.activity import Gap
from auditwatch.events.keys import gap_key
from auditwatch.sources.webhook.reading import Row

GAPS_HEADER: Final = "Auditwatch-Gaps"
"""A JSON list of ``{reason, message, start, end}``; times are seconds since the epoch."""
LONGEST_HEADER: Final = 8_000
"""Characters; agents send at most 6,000."""

_Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[A-Z][A-Za-z]+$")]
_Message = Annotated[str, msgspec.Meta(max_length=1024)]
_Time = Annotated[float, msgspec.Meta(ge=0, le=1e11)]
log = structlog.get_logger()


class ToldGap(msgspec.Struct, frozen=True):
    """One stretch, as it is told."""

    reason: _Reason
    message: _Message
    start: _Time
    end: _Time


_LIST: Final = msgspec.json.Decoder(list[msgspec.Raw])
_GAP: Final = msgspec.json.Decoder(ToldGap)
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeError, RecursionError)


def gap_rows(header: str, *, cluster: str, source: str, instance: str) -> list[Row]:
    """The gaps of one post, as rows for the inbox; told again they change nothing."""
    if not header:
        return []
    if len(header) > LONGEST_HEADER:
        log.warning("gaps of a sender not taken", source=source, instance=instance, problem="the header is too long")
        return []
    try:
        told = _LIST.decode(header)
    except _UNREADABLE as error:
        log.warning("gaps of a sender not taken", source=source, instance=instance, problem=str(error))
        return []
    return list(_rows(told, cluster=cluster, source=source, instance=instance))


def _rows(told: list[msgspec.Raw], *, cluster: str, source: str, instance: str) -> Iterator[Row]:
    """What can be read of a list, gap by gap: one that cannot costs itself alone."""
    for each in told:
        try:
            gap = _gap(_GAP.decode(each), cluster=cluster, source=source, instance=instance)
        except _UNREADABLE as error:
            log.warning("a gap of a sender not taken", source=source, instance=instance, problem=str(error))
        else:
            yield Row(gap_key(gap), msgspec.json.encode(gap))


def _gap(told: ToldGap, *, cluster: str, source: str, instance: str) -> Gap:
    return Gap(
        cluster=cluster,
        source=source,
        subject=instance,
        reason=told.reason,
        message=told.message,
        start=min(told.start, told.end),
        end=told.end,
    )
