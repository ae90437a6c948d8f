"""Makes of a decoded event the record that is kept: bodies decoded, everything redacted, with where it came from."""

from __future__ import annotations

from typing import Any

import msgspec

from auditwatch.events.activity import Evidence
from auditwatch.events.audit import AuditRecord, Degradation, ObjectReference
from auditwatch.events.decode import Decoded
from auditwatch.events.eventredaction import redacted_body, redacted_event
from auditwatch.events.keys import audit_event_key
from auditwatch.events.lenient import UnreadableError, read
from auditwatch.events.redaction import Redactor

_Body = msgspec.Raw | msgspec.UnsetType


def record_of(
    decoded: Decoded,
    *,
    cluster: str,
    source: str,
    instance: str = "",
    evidence: Evidence = "Audited",
    received: float,
    redactor: Redactor,
    max_body: int = 1_000_000,
) -> AuditRecord:
    """The record of an event; ``max_body`` is in bytes as logged, ``received`` in seconds since the epoch."""
    event = decoded.event
    degraded = set(decoded.degraded)
    of = event.object_ref or ObjectReference()
    bodies = [
        redacted_body(redactor, of, _decoded(body, max_body, degraded))
        for body in (event.request_object, event.response_object)
    ]
    kept = redacted_event(redactor, event)
    return AuditRecord(
        key=audit_event_key(kept),
        cluster=cluster,
        source=source,
        instance=instance,
        evidence=evidence,
        received=received,
        degraded=tuple(sorted(degraded)),
        event=kept,
        request_object=bodies[0],
        response_object=bodies[1],
    )


def _decoded(body: _Body, max_body: int, degraded: set[Degradation]) -> Any:
    """The body as JSON value, or UNSET."""
    if isinstance(body, msgspec.UnsetType):
        return body
    data = bytes(body)
    if len(data) > max_body:
        degraded.add("BodyTooLarge")
        return msgspec.UNSET
    try:
        value = msgspec.json.decode(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        value = _leniently(data, degraded)
    return value


def _leniently(data: bytes, degraded: set[Degradation]) -> Any:
    try:
        value = read(data)
    except UnreadableError:
        degraded.add("BodyUnreadable")
        return msgspec.UNSET
    degraded.add("Salvaged")
    return value
