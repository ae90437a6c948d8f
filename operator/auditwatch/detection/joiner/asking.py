"""What of a request decides whether a change is its work, small enough to be remembered after the request is told."""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from auditwatch.detection.creations import has_made
from auditwatch.events.activity import Activity, Outcome
from auditwatch.events.audit import AuditRecord
from auditwatch.events.derived import effective_user, is_long_running, query, subresource
from auditwatch.events.times import parse_time

Place = tuple[str, str, str, str, str]
"""Cluster, group, resource, namespace, name; empty where a request names none."""

_WRITING: Final = frozenset({"create", "update", "patch", "delete", "deletecollection"})
_VERSIONED: Final = frozenset({"create", "update", "patch"})
_STATUS: Final = "status"
"""The one subresource through which nothing of what is compared can be changed."""
_EFFECTIVE: Final = frozenset({"Succeeded", "Unknown"})

By = Literal["Audited", "K10Stream"]


class Asked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One request. Times are seconds since the epoch by the server's clock."""

    place: Place
    uid: str = ""
    verb: str
    outcome: Outcome
    start: float
    end: float
    version: str = ""
    """resourceVersion the object had afterwards, where the answer was logged."""
    manager: str = ""
    """The name under which the server notes this client as a writer of fields."""
    writes: bool = False
    """Whether it may have changed what watched state compares."""
    created: bool | None = None
    """Of an update or patch that succeeded, whether it made the object: it is answered 201 then, else 200."""
    is_whole: bool = False
    """Whether both versions of the object were logged."""
    audit_id: str = ""
    user: str = ""
    """Whose rights were used: what a server behind the first one is told."""
    uri: str = ""


def asked_of(record: AuditRecord, activity: Activity) -> Asked:
    """What matters of the request that ``activity`` was read from."""
    event, target = record.event, activity.target
    start = parse_time(event.request_received_timestamp)
    return Asked(
        place=(record.cluster, target.group, target.resource, target.namespace, target.name),
        uid=target.uid,
        verb=activity.verb,
        outcome=activity.outcome,
        start=activity.time if start is None else start,
        end=activity.time,
        version=_version(record),
        manager=_manager(record),
        writes=_writes(record, activity),
        created=has_made(activity),
        is_whole=activity.object is not msgspec.UNSET and activity.old_object is not msgspec.UNSET,
        audit_id=event.audit_id,
        user=effective_user(event).username,
        uri=event.request_uri,
    )


def _version(record: AuditRecord) -> str:
    body = record.response_object
    if record.event.verb not in _VERSIONED or not isinstance(body, dict) or body.get("kind") == "Status":
        return ""
    metadata: Any = body.get("metadata")
    version = metadata.get("resourceVersion") if isinstance(metadata, dict) else None
    return version if isinstance(version, str) else ""


def _manager(record: AuditRecord) -> str:
    """As kube-apiserver does it: the parameter, else the program at the head of the user agent."""
    named = query(record.event).get("fieldManager", ())
    return named[0] if named and named[0] else record.event.user_agent.partition("/")[0]


def _writes(record: AuditRecord, activity: Activity) -> bool:
    event = record.event
    is_dry = not isinstance(activity.request, msgspec.UnsetType) and activity.request.dry_run is True
    return (
        event.verb in _WRITING
        and not is_long_running(event)
        and subresource(event) != _STATUS
        and activity.outcome in _EFFECTIVE
        and not is_dry
    )
