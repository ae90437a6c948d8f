"""From the bytes of one audit event to the event, whatever a client made the API server write into it.

A sound event takes one pass of a typed decoder. What that refuses is salvaged: an event is degraded, never dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import msgspec

from auditwatch.events.audit import AuditEvent, Degradation
from auditwatch.events.salvage import salvage

MAX_SHOWN: Final = 120
NOT_AN_EVENT: Final = "NotAnAuditEvent"
"""What an item for which :class:`NotAnAuditEventError` is raised is counted as, whoever reads it."""
OUR_FAULT: Final = "InternalError"
"""What an item is counted as that our own code fails on: it costs none of its neighbours, and is told."""
_GROUP: Final = "audit.k8s.io/"
_HEADS: Final = (b'{"kind":"Event","apiVersion":"audit.k8s.io/', b'{"level":"')
_TRUNCATED: Final = "audit.k8s.io/truncated"
"""The annotation of an event whose bodies the API server left out because it was too large."""


class NotAnAuditEventError(ValueError):
    """The bytes are no audit event; the message says why, in words for people, and is bounded."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """An audit event and what of it could not be read."""

    event: AuditEvent
    degraded: tuple[Degradation, ...] = ()


class _Kind(msgspec.Struct, rename="camel"):
    kind: Any = "Event"
    api_version: Any = "audit.k8s.io/v1"


_decoder: Final = msgspec.json.Decoder(AuditEvent)
_kind: Final = msgspec.json.Decoder(_Kind)
_UNREADABLE: Final = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)


def decode(raw: bytes) -> Decoded:
    """The event in ``raw``, as :func:`unwrap` yields it; raises :class:`NotAnAuditEventError` where there is none."""
    try:
        found: Decoded | None = Decoded(_strictly(raw))
    except _UNREADABLE:
        found = _salvaged(raw)
    if found is None:
        raise NotAnAuditEventError(f"not JSON, or cut off before it says what it is: {_shown(raw)}")
    if not (found.event.audit_id and found.event.stage):
        raise NotAnAuditEventError(f"no audit event, for auditID or stage is missing or cut off: {_shown(raw)}")
    if found.event.annotations.get(_TRUNCATED):
        return Decoded(found.event, (*found.degraded, "BodyTruncated"))
    return found


def _strictly(raw: bytes) -> AuditEvent:
    event = _decoder.decode(raw)
    if not raw.startswith(_HEADS):
        found = _kind.decode(raw)
        _require_kind(raw, found.kind, found.api_version)
    return event


def _salvaged(raw: bytes) -> Decoded | None:
    found = salvage(raw)
    if found is None:
        return None
    _require_kind(raw, found.kind, found.api_version)
    return Decoded(found.event, found.degraded)


def _require_kind(raw: bytes, kind: object, api_version: object) -> None:
    """Items of an EventList have neither; an event of the core API has the same kind and another group."""
    if kind != "Event" or not str(api_version).startswith(_GROUP):
        raise NotAnAuditEventError(f"JSON of another kind than an audit event: {_shown(raw)}")


def _shown(raw: bytes) -> str:
    text = raw[:MAX_SHOWN].decode(errors="replace")
    return repr(text) if len(raw) <= MAX_SHOWN else f"{text!r}… ({len(raw)} bytes)"
