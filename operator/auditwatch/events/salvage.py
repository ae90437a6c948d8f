"""Reads an audit event that no parser takes as a whole, field by field.

The fields are found by where they stand at the top of the event (never inside a string or a body), in whatever order;
the API server writes the two times and the annotations after the bodies, so a hostile body has readable fields on
both of its sides. A body that cannot be read is left out and is unknown, not absent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from auditwatch.events.audit import AuditEvent, Degradation
from auditwatch.events.fitting import fitted
from auditwatch.events.lenient import UnreadableError, read
from auditwatch.events.scanning import Span, masked, members, skip_space

_BODIES: Final = {"requestObject": "request_object", "responseObject": "response_object"}


@dataclass(frozen=True, slots=True)
class Salvaged:
    """What could be read of an event, what it says it is, and what could not be read."""

    event: AuditEvent
    kind: object
    api_version: object
    degraded: tuple[Degradation, ...]


def salvage(raw: bytes) -> Salvaged | None:
    """What can be read of an event; ``None`` where ``raw`` does not even begin like an object."""
    mask = masked(raw)
    start = skip_space(mask, 0)
    if mask[start : start + 1] != b"{":
        return None
    reading = _Reading()
    for member in members(raw, mask, start):
        reading.take(member.name.decode(errors="replace"), raw[member.value.start : member.value.end], member.value)
    event, fits = fitted(reading.fields, AuditEvent)
    if not fits:
        reading.degraded.add("FieldsUnreadable")
    return Salvaged(
        event=msgspec.structs.replace(event, **reading.bodies),
        kind=reading.fields.get("kind", "Event"),
        api_version=reading.fields.get("apiVersion", "audit.k8s.io/v1"),
        degraded=tuple(sorted(reading.degraded)),
    )


@dataclass(slots=True)
class _Reading:
    """The fields of one event, as they are met."""

    fields: dict[str, Any] = field(default_factory=dict)
    bodies: dict[str, msgspec.Raw] = field(default_factory=dict)
    degraded: set[Degradation] = field(default_factory=lambda: {"Salvaged"})

    def take(self, name: str, written: bytes, span: Span) -> None:
        """One field. A body stays as it is written; the rest is read at once."""
        if name in _BODIES:
            self._take_body(name, written, is_whole=span.is_whole)
            return
        try:
            value = read(written)
        except UnreadableError:
            self.degraded.add("FieldsUnreadable")
            return
        if span.is_whole:  # of a number that was cut off, who knows how it went on
            self.fields[name] = value

    def _take_body(self, name: str, written: bytes, *, is_whole: bool) -> None:
        if is_whole and written:
            self.bodies[_BODIES[name]] = msgspec.Raw(written)
        else:
            self.degraded.add("BodyUnreadable")
