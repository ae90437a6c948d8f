"""The Kubernetes audit event (``audit.k8s.io/v1`` Event), typed, and the record of one that the journal keeps.

Fields are those of the API, in the order the API server writes them; what a version does not write is empty. Bodies
stay undecoded (:class:`msgspec.Raw`) in :class:`AuditEvent`, because few rules look at them; they are decoded and
redacted when an event becomes an :class:`AuditRecord`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final, Literal

import msgspec

from auditwatch.events.activity import Evidence

Degradation = Literal[
    "Salvaged", "BodyUnreadable", "BodyTruncated", "BodyTooLarge", "FieldsUnreadable", "TimeBorrowed", "TimeUnknown"
]
"""What of an event could not be read: it is cut off, or not all of it is sound; a body is there and cannot be decoded
(what can be read of it is kept), was left out by the API server, or is larger than what is kept (its long texts are
left out); a field beside the bodies had an unusable value; in a scan, its own times could not be read, so that the
event beside it tells about when it was, or nothing does."""

STAGES: Final = ("RequestReceived", "ResponseStarted", "ResponseComplete", "Panic")
LEVELS: Final = ("None", "Metadata", "Request", "RequestResponse")


class UserInfo(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``authentication.k8s.io/v1`` UserInfo. Empty of a request that could not be authenticated (401)."""

    username: str = ""
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: dict[str, tuple[str, ...]] = {}


class AuthenticationMetadata(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """How the authenticated user was allowed to impersonate (Kubernetes ≥ 1.36)."""

    impersonation_constraint: str = ""


class ObjectReference(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """The object a request was about, as the API server understood it."""

    resource: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""
    api_group: str = ""
    api_version: str = ""
    resource_version: str = ""
    subresource: str = ""


class StatusDetails(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The part of ``meta/v1`` StatusDetails that identifies: a successful delete by name carries the uid."""

    name: str = ""
    group: str = ""
    kind: str = ""
    uid: str = ""


Code = Annotated[int, msgspec.Meta(ge=-(1 << 31), le=(1 << 31) - 1)]
"""As the API has it. What a sender makes larger is unreadable, and not carried on to where no encoding holds it."""


class ResponseStatus(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``meta/v1`` Status without its causes. ``code`` 0: not answered yet (RequestReceived)."""

    status: str = ""
    message: str = ""
    reason: str = ""
    code: Code = 0
    details: StatusDetails | None = None


class AuditEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """One audit event. Timestamps are the API's text (RFC 3339, microseconds); see :mod:`auditwatch.events.times`."""

    level: str = ""
    audit_id: str = msgspec.field(default="", name="auditID")
    """Chosen by the client where it sends one: never a key by itself."""
    stage: str = ""
    request_uri: str = msgspec.field(default="", name="requestURI")
    verb: str = ""
    user: UserInfo = UserInfo()
    impersonated_user: UserInfo | None = None
    authentication_metadata: AuthenticationMetadata | None = None
    source_ips: tuple[str, ...] = msgspec.field(default=(), name="sourceIPs")
    user_agent: str = ""
    object_ref: ObjectReference | None = None
    response_status: ResponseStatus | None = None
    request_object: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    response_object: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    request_received_timestamp: str = ""
    stage_timestamp: str = ""
    annotations: dict[str, str] = {}


class AuditRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="AuditRecord"):
    """One audit event as it is kept in the inbox: redacted, and with where it came from."""

    key: str
    """Content key (``events/keys.py``): equal for the same event from a file, a webhook or a second delivery."""
    cluster: str
    source: str
    """Name of the installed source, e.g. ``audit-log``."""
    instance: str = ""
    """Which API server, node or pod of it."""
    evidence: Evidence = "Audited"
    received: float
    """When it reached us, seconds since the epoch."""
    degraded: tuple[Degradation, ...] = ()
    event: AuditEvent
    """Without bodies; texts redacted."""
    request_object: Any | msgspec.UnsetType = msgspec.UNSET
    """Decoded and redacted; UNSET where it was not logged or cannot be read. A JSON patch is a list."""
    response_object: Any | msgspec.UnsetType = msgspec.UNSET


Seen = Callable[[AuditRecord], None]
"""Told of every record a source hands over, whether or not another source was first; must be quick.

What a sender gives up after a refusal may only be told once it is on disk: it proves that what came before it is too.
"""


def unseen(_record: AuditRecord) -> None:
    """For a source whose records nobody asks to see."""
