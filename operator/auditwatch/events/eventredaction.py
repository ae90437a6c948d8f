"""Redacts the parts of an audit event: bodies by what they are about, texts by what they look like.

Bodies come in more shapes than objects do: a JSON patch says with a path what its value is, an annotation of a
mutating webhook holds a whole patch as text, and a command stands percent-encoded in the URI.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from auditwatch.events.audit import AuditEvent, ObjectReference, ResponseStatus, UserInfo
from auditwatch.events.lenient import UnreadableError, read
from auditwatch.events.patches import redacted_patch
from auditwatch.events.redaction import Redactor
from auditwatch.events.uriredaction import redacted_uri

_AUTHENTICATED: Final = ("authentication.kubernetes.io/",)
"""Where kube-apiserver itself puts ids of credentials, pods and nodes into the user it has authenticated."""
_NOTHING: Final = ()


def redacted_body(redactor: Redactor, of: ObjectReference, body: Any) -> Any:
    """A redacted copy of a decoded body: an object, a JSON patch (a list), or whatever a client sent."""
    resource = f"{of.resource}/{of.subresource}" if of.subresource else of.resource
    if isinstance(body, dict):
        return redactor.redact(of.api_group, resource, body)
    if isinstance(body, list):
        return redacted_patch(redactor, of.api_group, resource, body)
    return body if body is msgspec.UNSET else redactor.redact(of.api_group, resource, {"": body})[""]


def redacted_event(redactor: Redactor, event: AuditEvent) -> AuditEvent:
    """The event without bodies, its texts redacted."""
    of = event.object_ref or ObjectReference()
    return msgspec.structs.replace(
        event,
        request_uri=redacted_uri(redactor, event.request_uri),
        user_agent=redactor.text(event.user_agent),
        user=_user(redactor, event.user, trusted=_AUTHENTICATED),
        impersonated_user=event.impersonated_user and _user(redactor, event.impersonated_user, trusted=_NOTHING),
        response_status=event.response_status and _status(redactor, event.response_status),
        request_object=msgspec.UNSET,
        response_object=msgspec.UNSET,
        annotations={name: _annotation(redactor, of, name, value) for name, value in event.annotations.items()},
    )


def _user(redactor: Redactor, user: UserInfo, *, trusted: tuple[str, ...]) -> UserInfo:
    """``extra`` is what an authenticator, or whoever impersonates, put there; ``trusted``: names beginning so."""
    if all(name.startswith(trusted) for name in user.extra):
        return user
    extra = {name: tuple(redactor.text(value) for value in values) for name, values in user.extra.items()}
    return msgspec.structs.replace(user, extra=extra)


def _status(redactor: Redactor, status: ResponseStatus) -> ResponseStatus:
    """A refusal quotes what it refuses."""
    return msgspec.structs.replace(status, message=redactor.text(status.message)) if status.message else status


def _annotation(redactor: Redactor, of: ObjectReference, name: str, value: str) -> str:
    if name.startswith("patch.webhook.admission.k8s.io/"):
        return _webhook_patch(redactor, of, value)
    return redactor.text(value)


def _webhook_patch(redactor: Redactor, of: ObjectReference, value: str) -> str:
    """``{"configuration": …, "webhook": …, "patch": […], "patchType": "JSONPatch"}`` as the API server writes it."""
    try:
        told = read(value.encode(errors="replace"))
    except UnreadableError:
        return redactor.hide(value)
    if not isinstance(told, dict):
        return redactor.hide(value)
    patch = told.pop("patch", None)
    kept = redactor.redact("", "", told)
    if patch is not None:
        kept["patch"] = redacted_body(redactor, of, patch)
    return msgspec.json.encode(kept).decode()
