"""What happened, as detection sees it: the vocabulary every room above this one shares.

A source yields *records* (:class:`StateChange`, :class:`Gap`, and the audit records of ``audit.py``). The joiner
settles records into :class:`Activity`, the only thing rules are matched against. All of them are opaque rows to the
journal, so they are ``msgspec`` structs: closed, typed, and encoded without a schema of their own.

Times are seconds since the epoch, UTC, as ``float``. Objects are JSON objects *after* redaction.
``msgspec.UNSET`` means *unknown* (nobody saw it), ``None`` means *absent* (it was looked for and is not there).
"""

from __future__ import annotations

from typing import Any, Final, Literal

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
    names: tuple[str, ...] | None = None
    """Of a deletecollection, which names no object: those of what it deleted; ``None`` when nobody could tell."""


class Impersonator(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who authenticated and acted as somebody else."""

    id: str = ""
    name: str = ""
    groups: tuple[str, ...] = ()


class Actor(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who acted, as far as it is known. An empty ``id`` says: nobody knows (or, of kind Unauthenticated: nobody)."""

    id: str = ""
    """What names the person on this platform: a cloud identity, else the impersonated user, else the user name."""
    name: str = ""
    """User name acted as: the impersonated one where somebody was impersonated."""
    groups: tuple[str, ...] | None = None
    kind: str = ""
    """User, ServiceAccount, Node, Anonymous, Unauthenticated (401), K10 or K10Suspect; empty while unknown."""
    via: str = ""
    """Direct, K10Dashboard, Impersonation, K10Internal or UnattributedDashboard; empty while unknown."""
    is_k10: bool | None = None
    manager: str = ""
    """The field manager that last wrote the object: a client's own word, a hint and never proof."""
    user: str | None = None
    """User name that authenticated, empty where none did (401)."""
    user_groups: tuple[str, ...] | None = None
    credential_id: str | msgspec.UnsetType | None = msgspec.UNSET
    """``JTI=…`` or ``X509SHA256=…`` of the credential, where the cluster says so."""
    pod_uid: str | msgspec.UnsetType | None = msgspec.UNSET
    """Of the pod the token is bound to, where the cluster says so; the next two likewise."""
    pod: str | msgspec.UnsetType | None = msgspec.UNSET
    node: str | msgspec.UnsetType | None = msgspec.UNSET
    impersonator: Impersonator | msgspec.UnsetType | None = msgspec.UNSET


class Client(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a request came from. ``ip`` is the address that can be trusted, ``ips`` what the client claims as well."""

    ip: str = ""
    ips: tuple[str, ...] = ()
    agent: str = ""


class Request(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was asked, besides verb and target. Texts are redacted."""

    uri: str = ""
    path: str = ""
    query: dict[str, tuple[str, ...]] = {}
    command: str = ""
    """Of an exec: program and arguments in one line; empty elsewhere."""
    args: tuple[str, ...] = ()
    dry_run: bool | None = False
    """Whether it was a dry run; ``None`` where one was asked for in a way that may not be true."""


class Response(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the API server answered. ``code`` 0: no answer was seen."""

    code: int = 0
    reason: str = ""
    phrase: str = ""
    """The words of HTTP for the code: ``Not Found``."""
    message: str = ""
    issued_credential_id: str = ""
    """``JTI=…`` of the token a TokenRequest made."""


class PatchedField(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One place that a patch names, and what it puts there; ``None`` takes away, UNSET: a value nobody can tell."""

    steps: tuple[str, ...]
    """Segments, fields of maps as ``.spec``, elements of lists by key or index as ``[export``."""
    value: Any | msgspec.UnsetType = msgspec.UNSET


class Patch(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a patch names: the part of the new object that is known although neither version was seen."""

    fields: tuple[PatchedField, ...] = ()
    is_complete: bool = False
    """Whether what it does not name stayed as it was. Applying takes away what is no longer named."""
    hides: bool = False
    """Whether it also changed places it does not name: what was below a container that it took away or replaced."""


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
    """The server's own time for it, where it wrote one (managedFields); a write that only takes away leaves none."""
    manager: str = ""
    """Field manager of the newest managedFields entry that is not about status, if that is of this change."""


API_DOWN: Final = "SourceUnavailable"
"""Reason of a gap during which the API of a watched kind answered nobody: it settles how requests to it went."""


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
    confirmed_by: tuple[Evidence, ...] = ()
    """Other kinds of evidence that saw the same."""
    attribution: Attribution = "Unknown"
    outcome: Outcome = "Succeeded"
    verb: Verb
    actor: Actor = Actor()
    target: Target
    object: JSONObject | msgspec.UnsetType | None = msgspec.UNSET
    """The object after the request (for a delete: ``None``)."""
    old_object: JSONObject | msgspec.UnsetType | None = msgspec.UNSET
    """The object before the request (for a create: ``None``)."""
    replaced: JSONObject | msgspec.UnsetType = msgspec.UNSET
    """For a create: the object of that name which was deleted shortly before."""
    effective: tuple[JSONObject, JSONObject] | msgspec.UnsetType = msgspec.UNSET
    """What counts before and after, where an object takes values from another (a policy from its preset)."""
    patch: Patch | msgspec.UnsetType = msgspec.UNSET
    """What a patch names, where it was logged."""
    client: Client | msgspec.UnsetType = msgspec.UNSET
    request: Request | msgspec.UnsetType = msgspec.UNSET
    response: Response | msgspec.UnsetType = msgspec.UNSET
    event: JSONObject | msgspec.UnsetType = msgspec.UNSET
    """The audit event as it was logged, without its bodies."""
    degraded: tuple[str, ...] = ()
    """What of the event could not be read (``events/audit.py``, Degradation)."""
    is_backlog: bool = False
    """It stood in the log before anybody listened to its source: what it changed, watched state has told by itself."""
    suspects: tuple[Actor, ...] = ()
    """Where the attribution is Ambiguous: everybody whose request may have made the change."""


class Revision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="Revision"):
    """More became known of a row that is in the log already: a record came later than it was waited for.

    It is no further activity and is never counted again; what it tells can only add and raise.
    """

    sequence: int
    """Log sequence of the row that first told of the activity."""
    former: Activity
    """What the log said of it last."""
    activity: Activity
    """What is to be said of it now, under the same key."""


Record = StateChange | Gap
"""What sources put into the inbox."""
LogRow = Activity | Gap | Revision
"""What the log holds, and detection reads."""
