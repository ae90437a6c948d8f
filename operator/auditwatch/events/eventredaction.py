"""Redacts the parts of an audit event: its bodies by what they are about, its texts by what they look like."""

from __future__ import annotations

from typing import Any

import msgspec

from auditwatch.events.audit import AuditEvent, ObjectReference
from auditwatch.events.redaction import Redactor


def redacted_body(redactor: Redactor, event: AuditEvent, body: Any) -> Any:
    """A redacted copy of a decoded body: an object, a JSON patch (a list), or whatever a client sent."""
    of = event.object_ref or ObjectReference()
    resource = f"{of.resource}/{of.subresource}" if of.subresource else of.resource
    if isinstance(body, dict):
        return redactor.redact(of.api_group, resource, body)
    if isinstance(body, list):
        return redactor.redact(of.api_group, resource, {"": body})[""]
    return redactor.text(body) if isinstance(body, str) else body


def redacted_event(redactor: Redactor, event: AuditEvent) -> AuditEvent:
    """The event without bodies, its texts redacted."""
    status = event.response_status
    return msgspec.structs.replace(
        event,
        request_uri=redactor.text(event.request_uri),
        user_agent=redactor.text(event.user_agent),
        response_status=status and msgspec.structs.replace(status, message=redactor.text(status.message)),
        request_object=msgspec.UNSET,
        response_object=msgspec.UNSET,
        annotations={name: redactor.text(value) for name, value in event.annotations.items()},
    )
