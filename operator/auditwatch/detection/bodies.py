"""What the bodies of an audit event tell of the object before and after, by verb and as far as they were logged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from auditwatch.detection.changes import ListKeys
from auditwatch.detection.creations import made_by_writing
from auditwatch.detection.patching import patch_of
from auditwatch.events.activity import JSONObject, Outcome, Patch, Target
from auditwatch.events.audit import AuditRecord, ObjectReference
from auditwatch.events.derived import code_of

Body = JSONObject | msgspec.UnsetType | None
"""UNSET: nobody saw it; ``None``: it is not there."""

_UNSEEN: Final = msgspec.UNSET


@dataclass(frozen=True, slots=True)
class Bodies:
    """Both versions of the object, and what a patch names."""

    new: Body = _UNSEEN
    old: Body = _UNSEEN
    patch: Patch | msgspec.UnsetType = _UNSEEN


def target_of(record: AuditRecord, outcome: Outcome) -> Target:
    """The object of the request. A name the server made up stands in its answer alone."""
    event = record.event
    reference = event.object_ref or ObjectReference()
    named = _named(record) if event.verb == "create" and not reference.subresource else {}
    details = event.response_status.details if event.response_status else None
    return Target(
        group=reference.api_group,
        version=reference.api_version,
        resource=reference.resource,
        subresource=reference.subresource,
        namespace="" if _is_namespace(reference) else reference.namespace,
        name=reference.name or _text(named.get("name")),
        uid=reference.uid or _text(_metadata(_answer(record)).get("uid")) or (details.uid if details else ""),
        count=_count(record, outcome) if event.verb == "deletecollection" else 1,
    )


def bodies_of(record: AuditRecord, target: Target, outcome: Outcome, list_keys: ListKeys) -> Bodies:
    """What was seen of the object; of a request that was refused, what was asked for.

    Of patches only one that applies an object may make it, and what it applies is that object.
    """
    answer, asked = _answer(record), record.request_object
    verb = record.event.verb
    if verb == "create" or made_by_writing(verb, target.subresource, code_of(record.event)):
        return Bodies(_first(answer, asked), _UNSEEN if target.subresource else None)
    if verb == "update":
        return Bodies(_first(answer, asked))
    if verb == "patch":
        patch = patch_of(asked, new=answer, list_keys=list_keys)
        return Bodies(_first(answer), patch=_UNSEEN if patch is None else patch)
    if verb in {"delete", "deletecollection"}:
        return Bodies(None, _first(answer) if verb == "delete" and _is_of(answer, target) else _UNSEEN)
    if verb == "get" and outcome == "Succeeded" and answer is not None:
        return Bodies(answer, answer)
    return Bodies()


def _is_namespace(reference: ObjectReference) -> bool:
    """The API server counts a namespace as being inside itself; it is a cluster-scoped object."""
    return reference.api_group == "" and reference.resource == "namespaces"


def _named(record: AuditRecord) -> Mapping[str, Any]:
    """The metadata that says the object's name: the server's, else the client's."""
    answered = _metadata(_answer(record))
    return answered if answered.get("name") else _metadata(record.request_object)


def _metadata(body: object) -> Mapping[str, Any]:
    found = body.get("metadata") if isinstance(body, dict) else None
    return found if isinstance(found, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _answer(record: AuditRecord) -> JSONObject | None:
    """The object the server answered with; ``None`` where it was not logged, or is a Status or a list."""
    body = record.response_object
    if not isinstance(body, dict) or isinstance(body.get("items"), list):
        return None
    return None if body.get("kind") == "Status" and body.get("apiVersion") == "v1" else body


def _first(*bodies: object) -> Body:
    return next((body for body in bodies if isinstance(body, dict)), _UNSEEN)


def _is_of(answer: JSONObject | None, target: Target) -> bool:
    return answer is not None and _metadata(answer).get("name") == target.name


def _count(record: AuditRecord, outcome: Outcome) -> int | None:
    """What a deletecollection deleted: the list it answers with. Refused, it deleted nothing and counts as one."""
    if outcome in {"Denied", "Rejected"}:
        return 1
    body = record.response_object
    items = body.get("items") if isinstance(body, dict) else None
    return len(items) if isinstance(items, list) else None
