"""From the bytes of one object to what is kept of it. Pure; whatever the bytes are, it yields something or says so.

Reduced means: K10's facts where a kind is kept as facts, else the object; without status and what the server counts
up by itself; redacted; with sorted keys. Two observations with the same payload are the same state, so churn
(status, managedFields, resourceVersion) is no change.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from auditwatch.cluster.framing import members, nesting
from auditwatch.events.activity import JSONObject
from auditwatch.events.redaction import Redactor
from auditwatch.k10.facts import facts
from auditwatch.k10.kinds import WatchedKind

NESTING_LIMIT: Final = 200
"""Deeper objects are degraded: no real one is, and everything behind us may walk what we pass on recursively."""
_CHURN: Final = ("resourceVersion", "generation", "managedFields", "selfLink")
_UNREADABLE: Final = (msgspec.DecodeError, msgspec.ValidationError, ValueError, RecursionError)
_IDENTITY: Final = ("name", "namespace", "uid", "resourceVersion")


class UnreadableError(Exception):
    """Bytes in which not even an object's identity can be found; the message says what was there."""


class Kept(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the journal keeps of an object between two observations."""

    name: str
    namespace: str = ""
    body: JSONObject | None = None
    """Reduced and redacted; ``None``: degraded, nobody could read it."""
    digest: str = ""
    """Of a degraded object: sha256 of its raw members but metadata and status, so that a change is still noticed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One object at one moment."""

    uid: str
    version: str
    """resourceVersion, opaque; empty where it could not be read."""
    payload: bytes
    """An encoded :class:`Kept`."""
    changed: float | None = None
    """The server's own time of the last change that was not about status, seconds since the epoch."""
    manager: str = ""
    """Field manager of that change: a client's own word."""

    @property
    def revision(self) -> str:
        """The version, or where the server gives none a digest of the payload: what tells two states apart."""
        return self.version or hashlib.sha256(self.payload).hexdigest()[:16]


KEPT: Final = msgspec.json.Decoder(Kept)
_ENCODER: Final = msgspec.json.Encoder(order="deterministic")


def observe(kind: WatchedKind, redactor: Redactor, raw: bytes) -> Observation:
    """What is kept of one object, given as the JSON the server sent. Raises :class:`UnreadableError`."""
    obj = _decoded(raw)
    if obj is None or not isinstance(obj.get("metadata"), dict):
        return _degraded(raw)
    try:
        reduced = redactor.redact(kind.group, kind.resource, _without_churn(facts(kind.group, kind.resource, obj)))
        return _observation(obj["metadata"], body=reduced)
    except (TypeError, AttributeError, KeyError, *_UNREADABLE):
        return _degraded(raw)  # the server stored something the kind's own schema would forbid


def _decoded(raw: bytes) -> JSONObject | None:
    try:
        if nesting(raw, enough=NESTING_LIMIT) >= NESTING_LIMIT:
            return None
        return msgspec.json.decode(raw, type=JSONObject)
    except _UNREADABLE:
        return None


def _without_churn(obj: JSONObject) -> JSONObject:
    metadata = {name: value for name, value in obj["metadata"].items() if name not in _CHURN}
    return {**{name: value for name, value in obj.items() if name != "status"}, "metadata": metadata}


def _degraded(raw: bytes) -> Observation:
    """What can be said of an object that nobody can decode: who it is, and whether it is still the same."""
    try:
        parts = dict(members(raw))
        metadata = {name: _text(value) for name, value in members(parts["metadata"]) if name in _IDENTITY}
    except (KeyError, ValueError) as error:
        raise UnreadableError(f"no metadata in {raw[:80]!r}… ({len(raw)} bytes): {error}") from error
    digest = hashlib.sha256()
    for name, value in sorted(parts.items()):
        if name not in {"metadata", "status"}:
            digest.update(name.encode() + b"\0" + value + b"\0")
    return _observation(metadata, digest=digest.hexdigest())


def _text(value: bytes) -> str:
    try:
        return msgspec.json.decode(value, type=str)
    except _UNREADABLE:
        return ""


def _observation(metadata: Mapping[str, Any], *, body: JSONObject | None = None, digest: str = "") -> Observation:
    name, namespace = str(metadata.get("name") or ""), str(metadata.get("namespace") or "")
    if not name:
        raise UnreadableError("an object without a name")
    changed, manager = last_change(metadata)
    return Observation(
        uid=str(metadata.get("uid") or f"{namespace}/{name}"),
        version=str(metadata.get("resourceVersion") or ""),
        payload=_ENCODER.encode(Kept(name=name, namespace=namespace, body=body, digest=digest)),
        changed=changed,
        manager=manager,
    )


def last_change(metadata: Mapping[str, Any]) -> tuple[float | None, str]:
    """(time, manager) of the newest ``managedFields`` entry that is not about status; else its creation, nobody.

    The server cuts these times to whole seconds: where two managers wrote in the last one, nobody is named.
    """
    entries = _dicts(metadata.get("managedFields"))
    writes = [
        (time, str(entry.get("manager") or ""))
        for entry in entries
        if entry.get("subresource") != "status" and (time := seconds(entry.get("time"))) is not None
    ]
    if not writes:
        return seconds(metadata.get("creationTimestamp")), ""
    newest = max(time for time, _ in writes)
    managers = {manager for time, manager in writes if time == newest}
    return newest, managers.pop() if len(managers) == 1 else ""


def _dicts(value: object) -> Iterable[dict[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else ()


def seconds(text: object) -> float | None:
    """Seconds since the epoch of an RFC 3339 time; ``None`` for anything else."""
    if not isinstance(text, str):
        return None
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        return None


Observe = Callable[[bytes], Observation]
"""One kind's :func:`observe`, with its redactor."""
