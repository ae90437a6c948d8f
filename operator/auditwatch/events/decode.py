"""From the bytes of one audit event to the event, whatever a client made the API server write into it.

A sound event takes one pass of a typed decoder. What that refuses is salvaged: an event is degraded, never dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec

from auditwatch.events.audit import AuditEvent, Degradation
from auditwatch.events.salvage import salvage

MAX_SHOWN: Final = 120
_HEADS: Final = (b'{"kind":"Event","apiVersion":"audit.k8s.io/', b'{"level":"')


class NotAnAuditEventError(ValueError):
    """The bytes are no audit event; the message says why, in words for people, and is bounded."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """An audit event and what of it could not be read."""

    event: AuditEvent
    degraded: tuple[Degradation, ...] = ()


class _Kind(msgspec.Struct, rename="camel"):
    kind: str = "Event"
    api_version: str = "audit.k8s.io/v1"


_decoder: Final = msgspec.json.Decoder(AuditEvent)
_kind: Final = msgspec.json.Decoder(_Kind)
_UNREADABLE: Final = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)


def decode(raw: bytes) -> Decoded:
    """The event in ``raw``; raises :class:`NotAnAuditEventError` where there is none."""
    try:
        event = _decoder.decode(raw)
    except _UNREADABLE:
        return _salvaged(raw)
    if not raw.startswith(_HEADS):
        _require_kind(raw)
    if not (event.audit_id and event.stage):
        raise NotAnAuditEventError(f"JSON, but no audit event (no auditID or stage): {_shown(raw)}")
    return Decoded(event, ("BodyTruncated",) if event.annotations.get("audit.k8s.io/truncated") else ())


def _salvaged(raw: bytes) -> Decoded:
    found = salvage(raw)
    if found is None:
        raise NotAnAuditEventError(f"not JSON, or cut off before it says anything: {_shown(raw)}")
    event, degraded = found
    return Decoded(event, degraded)


def _require_kind(raw: bytes) -> None:
    found = _kind.decode(raw)
    if found.kind != "Event" or not found.api_version.startswith("audit.k8s.io/"):
        raise NotAnAuditEventError(f"JSON of another kind: {_shown(raw)}")


def _shown(raw: bytes) -> str:
    text = raw[:MAX_SHOWN].decode(errors="replace")
    return repr(text) if len(raw) <= MAX_SHOWN else f"{text!r}… ({len(raw)} bytes)"
