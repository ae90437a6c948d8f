"""Reads an audit event that no parser takes as a whole, field by field.

The fields are found by where they stand at the top of the event (never inside a string or a body), in whatever order;
the API server writes the two times and the annotations after the bodies, so a hostile body has readable fields on
both of its sides. A body that cannot be read is left out and is unknown, not absent. Where everything around the bodies
is sound the event is as good as any: a client must not be able to make it look unreliable.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from auditwatch.events.audit import AuditEvent, Degradation
from auditwatch.events.fitting import fitted
from auditwatch.events.lenient import UnreadableError, read
from auditwatch.events.scanning import masked, members, skip_space, value_at

_BODIES: Final = {b"requestObject": "request_object", b"responseObject": "response_object"}

_decoder: Final = msgspec.json.Decoder(AuditEvent)


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
    whole = value_at(mask, start)
    reading = _Reading()
    for member in members(raw, mask, start):
        reading.take(member.name, raw[member.value.start : member.value.end], is_whole=member.value.is_whole)
    sound = _sound(reading) if whole.is_whole and skip_space(mask, whole.end) == len(raw) else None
    event = sound or _fitted(reading)
    return Salvaged(
        event=msgspec.structs.replace(event, **reading.bodies),
        kind=reading.fields.get("kind", "Event"),
        api_version=reading.fields.get("apiVersion", "audit.k8s.io/v1"),
        degraded=tuple(sorted(reading.degraded)),
    )


def _sound(reading: _Reading) -> AuditEvent | None:
    """The event where all of it but its bodies is what a strict decoder takes."""
    try:
        return _decoder.decode(b"{%s}" % b",".join(reading.around))
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None


def _fitted(reading: _Reading) -> AuditEvent:
    event, fits = fitted(reading.fields, AuditEvent)
    reading.degraded |= {"Salvaged"} if fits else {"Salvaged", "FieldsUnreadable"}
    return event


@dataclass(slots=True)
class _Reading:
    """The fields of one event, as they are met."""

    fields: dict[str, Any] = field(default_factory=dict)
    bodies: dict[str, msgspec.Raw] = field(default_factory=dict)
    around: list[bytes] = field(default_factory=list)
    """The fields beside the bodies as they are written."""
    degraded: set[Degradation] = field(default_factory=set)

    def take(self, name: bytes, written: bytes, *, is_whole: bool) -> None:
        """One field. A body stays as it is written; the rest is read at once."""
        if name in _BODIES:
            self._take_body(_BODIES[name], written, is_whole=is_whole)
            return
        self.around.append(b'"%s":%s' % (name, written))
        try:
            self.fields[name.decode(errors="replace")] = read(written)
        except UnreadableError:  # what is cut off is none either, for no field is a bare number
            self.degraded.add("FieldsUnreadable")

    def _take_body(self, name: str, written: bytes, *, is_whole: bool) -> None:
        if is_whole and written:
            self.bodies[name] = msgspec.Raw(written)
        else:
            self.degraded.add("BodyUnreadable")
