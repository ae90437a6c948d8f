"""Makes of a decoded event the record that is kept: bodies decoded, everything redacted, with where it came from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from auditwatch.events.activity import Evidence
from auditwatch.events.audit import AuditRecord, Degradation, ObjectReference
from auditwatch.events.decode import Decoded
from auditwatch.events.eventredaction import redacted_body, redacted_event
from auditwatch.events.keys import audit_event_key
from auditwatch.events.lenient import MAX_DEPTH, UnreadableError, read
from auditwatch.events.redaction import Redactor
from auditwatch.events.shortening import shortened

_OF_MANY: Final = frozenset({"list", "watch", "deletecollection"})
"""Verbs with lists for bodies, which are large by nature and not worth the time of looking for long texts in them."""


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
    """The record of an event; ``max_body`` is in bytes as logged, ``received`` in seconds since the epoch.

    Of a body that is larger the long texts are left out; it is unknown where it is too large all the same.
    """
    event = decoded.event
    degraded = set(decoded.degraded)
    of = event.object_ref or ObjectReference()
    bodies = [
        body if body is msgspec.UNSET else redacted_body(redactor, of, _decoded(body, event.verb, max_body, degraded))
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


def _decoded(body: msgspec.Raw, verb: str, max_body: int, degraded: set[Degradation]) -> Any:
    """The body as JSON value, or UNSET."""
    data = bytes(body)
    if len(data) > max_body:
        degraded.add("BodyTooLarge")
        data = b"" if verb in _OF_MANY else shortened(data)
        if not 0 < len(data) <= max_body:
            return msgspec.UNSET
    try:
        value = msgspec.json.decode(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return _leniently(data, degraded)
    # How deep a parser goes depends on the Python it runs in; what is kept does not.
    may_be_deep = data.count(b"{") + data.count(b"[") > MAX_DEPTH
    return _leniently(data, degraded) if may_be_deep and _is_deep(value) else value


def _is_deep(value: Any) -> bool:
    """Whether a JSON value has containers below :data:`MAX_DEPTH`."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [inner for outer in level for inner in _inside(outer) if isinstance(inner, dict | list)]
        if not level:
            return False
    return True


def _inside(container: Any) -> Iterable[Any]:
    return container.values() if isinstance(container, dict) else container if isinstance(container, list) else ()


def _leniently(data: bytes, degraded: set[Degradation]) -> Any:
    degraded.add("BodyUnreadable")
    try:
        return read(data)
    except UnreadableError:
        return msgspec.UNSET
