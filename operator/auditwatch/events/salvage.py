"""Reads an audit event that no parser takes as a whole, field by field.

The fields are found by where they stand at the top of the event (never inside a string or a body), in whatever order;
the API server writes the two times and the annotations after the bodies, so a hostile body has readable fields on
both of its sides. A body that cannot be read is left out and is unknown, not absent.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from auditwatch.events.audit import AuditEvent, Degradation
from auditwatch.events.fitting import fitted
from auditwatch.events.lenient import UnreadableError, read
from auditwatch.events.scanning import masked, members, skip_space

_BODIES: Final = ("requestObject", "responseObject")
_MAX_FIELD: Final = 2_000_000
"""Bytes of a field beside the bodies; the API server limits a request's header to 1 MiB."""


def salvage(raw: bytes) -> tuple[AuditEvent, tuple[Degradation, ...]] | None:
    """What can be read of an event, and what not; ``None`` where too little is left to call it one."""
    mask = masked(raw)
    start = skip_space(mask, 0)
    if mask[start : start + 1] != b"{":
        return None
    fields: dict[str, Any] = {}
    bodies: dict[str, bytes] = {}
    degraded: set[Degradation] = {"Salvaged"}
    for member in members(raw, mask, start):
        name = member.name.decode(errors="replace")
        value = raw[member.value.start : member.value.end]
        if name in _BODIES:
            bodies[name] = value if member.value.is_whole else b""
        elif not member.value.is_whole or len(value) > _MAX_FIELD:
            degraded.add("FieldsUnreadable")
        else:
            _read(name, value, fields, degraded)
    event, fits = fitted(fields, AuditEvent)
    if fields.get("kind", "Event") != "Event" or not (event.audit_id and event.stage):
        return None
    if not fits:
        degraded.add("FieldsUnreadable")
    return _with_bodies(event, bodies, degraded), tuple(sorted(degraded))


def _read(name: str, value: bytes, fields: dict[str, Any], degraded: set[Degradation]) -> None:
    try:
        fields[name] = read(value)
    except UnreadableError:
        degraded.add("FieldsUnreadable")


def _with_bodies(event: AuditEvent, bodies: dict[str, bytes], degraded: set[Degradation]) -> AuditEvent:
    kept: dict[str, msgspec.Raw] = {}
    for name, body in bodies.items():
        if body:
            kept["request_object" if name == "requestObject" else "response_object"] = msgspec.Raw(body)
        else:
            degraded.add("BodyUnreadable")
    return msgspec.structs.replace(event, **kept)
