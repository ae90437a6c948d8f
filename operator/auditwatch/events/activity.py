"""What happened, as detection sees it: the vocabulary every room above this one shares.

A source yields *records* (today :class:`StateChange` and :class:`Gap`; audit events later). The joiner settles
records into :class:`Activity`, the only thing rules are matched against. All of them are opaque rows to the
journal, so they are ``msgspec`` structs: closed, typed, and encoded without a schema of their own.

Times are seconds since the epoch, UTC, as ``float``. Objects are JSON objects *after* redaction.
``msgspec.UNSET`` means *unknown* (nobody saw it), ``None`` means *absent* (it was looked for and is not there).
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

JSONObject = dict[str, Any]

Verb = str  # Kubernetes request verb: create, update, patch, delete, deletecollection, get, list, watch
Evidence = Literal["Audited", "K10Stream", "State"]
Attribution = Literal["Unknown", "FieldManager", "Ambiguous", "Correlated", "Audited"]
Outcome = Literal["Succeeded", "Denied", "Rejected", "Failed", "Unknown"]
Manner = Literal["Watch", "List"]

ATTRIBUTIONS: tuple[Attribution, ...] = ("Unknown", "FieldManager", "Ambiguous", "Correlated", "Audited")
"""Rising order; attribution of a finding only ever rises."""


class Target(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The object a request was about. ``namespace`` is empty for cluster-scoped kinds."""

    group: str
    version: str
    resource: str
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""
    count: int | None = 1
    """Objects touched by the one request (deletecollection: many); ``None`` when nobody could tell."""


class Actor(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who acted, as far as it is known. An empty ``id`` says: nobody knows."""

    id: str = ""
    name: str = ""
    groups: tuple[str, ...] | None = None
    kind: str = ""
    via: str = ""
    is_k10: bool | None = None
    manager: str = ""
    """The field manager that last wrote the object: a client's own word, a hint and never proof."""


class StateChange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="StateChange"):
    """One object differs from what was last known of it (design: the state source)."""

    cluster: str
    group: str
    version: str
    resource: str
    namespace: str = ""
    name: str
    uid: str
    verb: Literal["create", "update", "delete"]
    old: JSONObject | None = None
    new: JSONObject | None = None
    """Redacted object, or its facts for kinds kept as facts; ``None`` before a create and after a delete."""
    old_version: str = ""
    new_version: str = ""
    manner: Manner = "Watch"
    not_before: float | None = None
    """Last observation without the change; ``None`` where there was none."""
    observed: float
    """First observation with the change."""
    changed: float | None = None
    """The server's own time for it, where it wrote one (managedFields, deletionTimestamp)."""
    manager: str = ""
    """Field manager of the newest managedFields entry that is not about status."""


class Gap(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="Gap"):
    """A stretch of activity nobody saw: from the last proof of life to the next."""

    cluster: str
    source: str
    subject: str
    """What was not seen: ``group/resource`` for state, an instance for other sources."""
    reason: str
    """CamelCase: HistoryLost, Downtime, SourceUnavailable …"""
    message: str
    start: float
    end: float


class Activity(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="Activity"):
    """One settled piece of activity: the row of the log that detection reads."""

    key: str
    """Content key, hex; the same activity seen twice has the same key."""
    time: float
    """Event time: the server's own where known, else the first observation."""
    not_before: float | None = None
    cluster: str
    source: str
    """Name of the installed source that saw it first, e.g. ``state``."""
    evidence: Evidence
    attribution: Attribution = "Unknown"
    outcome: Outcome = "Succeeded"
    verb: Verb
    actor: Actor = Actor()
    target: Target
    object: JSONObject | msgspec.UnsetType | None = msgspec.UNSET
    """The object after the request (for a delete: ``None``)."""
    old_object: JSONObject | msgspec.UnsetType | None = msgspec.UNSET
    """The object before the request (for a create: ``None``)."""


Record = StateChange | Gap
"""What sources put into the inbox."""
LogRow = Activity | Gap
"""What the log holds, and detection reads."""
