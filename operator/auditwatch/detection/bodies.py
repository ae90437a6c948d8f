"""What the bodies of an audit event tell of the object before and after, by verb and as far as they were logged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from auditwatch.detection.changes import ListKeys
from auditwatch.detection.creations import made_by_writing
from auditwatch.detection.patching import patch_of
from auditwatch.events.activity import JSONObject, Outcome, Patch, Target
from auditwatch.events.audit import AuditRecord, ObjectReference
from auditwatch.events.derived import code_of, query
from auditwatch.events.redaction import PREFIX
from auditwatch.events.selectors import required

Body = JSONObject | msgspec.UnsetType | None
"""UNSET: nobody saw it; ``None``: it is not there."""

MAX_NAMES: Final = 1_000
"""Names of a deletecollection that a row keeps. Of more nobody can tell: what is left out is not taken as spared."""

_UNSEEN: Final = msgspec.UNSET


@dataclass(frozen=True, slots=True)
class Bodies:
    """Both versions of the object, and what a patch names."""

    new: Body = _UNSEEN
    old: Body = _UNSEEN
    patch: Patch | msgspec.UnsetType = _UNSEEN


def target_of(record: AuditRecord, outcome: Outcome, *, is_built_in: bool = False) -> Target:
    """The object of the request. A name the server made up stands in its answer alone.

    ``is_built_in``: kube-apiserver itself serves the group, and so does what a selector asks for.
    """
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
        names=_names(record, is_built_in=is_built_in) if event.verb == "deletecollection" else None,
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


def _names(record: AuditRecord, *, is_built_in: bool) -> tuple[str, ...] | None:
    """What a deletecollection deleted, or could: the list it answers with, else the one name it asked for."""
    names = _listed(record)
    asked = query(record.event).get("fieldSelector", ()) if names is None and is_built_in else ()
    name = required(asked[0], "metadata.name") if asked else None
    return names if name is None else _legible([name])


def _listed(record: AuditRecord) -> tuple[str, ...] | None:
    """The names in the answer, if it is a list that was read as a whole."""
    body = record.response_object
    items = body.get("items") if isinstance(body, dict) else None
    if not isinstance(items, list) or len(items) > MAX_NAMES or record.degraded:
        return None
    return _legible([_text(_metadata(item).get("name")) for item in items])


def _legible(names: Sequence[str]) -> tuple[str, ...] | None:
    """The names, if nothing of them is missing or was hidden because it looked like a credential."""
    return tuple(names) if all(name and PREFIX not in name for name in names) else None
