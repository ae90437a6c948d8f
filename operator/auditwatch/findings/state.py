"""One incident as the journal keeps it: everything the object shows, and what is needed to go on counting.

It is a struct and not the object itself, so that a change of the API's shape needs no migration of journals, and so
that what only the ledger needs (which targets were counted, which keys were seen) never reaches the API server.
"""

from __future__ import annotations

from typing import Final

import msgspec

from auditwatch.detection.signal import Certainty, Confidence, Severity
from auditwatch.events.activity import Attribution
from auditwatch.findings.losses import LossSeen

ACTORS: Final = 10
CLIENTS: Final = 10
CREDENTIALS: Final = 5
"""Credentials kept of one actor."""
ADDRESSES: Final = 5
"""Addresses kept of one actor."""
TARGETS: Final = 50
CHANGES: Final = 10
EVIDENCE_HEAD: Final = 5
EVIDENCE_TAIL: Final = 5
RECENT_KEYS: Final = 64
COUNTED_TARGETS: Final = 2048
"""Targets remembered by hash, so that each counts once; see :attr:`FindingState.target_count`."""


class ActorSeen(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody, or nobody known: then ``id`` is empty and ``manager`` is the only hint (or nobody authenticated)."""

    id: str = ""
    name: str = ""
    kind: str = ""
    via: str = ""
    manager: str = ""
    impersonator: str = ""
    """Id of who authenticated and acted as this one; empty where nobody did, or where it is not told."""
    attribution: Attribution = "Unknown"
    """The best they were known by; of a hint never more than FieldManager."""
    credential_ids: tuple[str, ...] = ()
    client_ips: tuple[str, ...] = ()
    pod: str = ""
    """Of the pod the last token named that is bound to one; ``node`` likewise."""
    node: str = ""
    time: float
    """Event time of the first signal that named them."""
    sightings: int = 0
    """Activities that name them; 0 where an earlier journal counted those. A correction takes its own away."""


class ClientSeen(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where requests came from: the address that can be trusted, and what the client calls itself."""

    ip: str = ""
    agent: str = ""
    sightings: int = 0
    """As of :class:`ActorSeen`."""


class TargetSeen(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An object the activity was about."""

    group: str = ""
    version: str = ""
    resource: str = ""
    kind: str = ""
    """As the object itself said; empty where no body was seen."""
    namespace: str = ""
    name: str = ""
    uid: str = ""
    time: float


class ChangeSeen(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One field's old and new value, as shown: escaped and cut."""

    path: str
    old: str | None = None
    """``None``: it was not there."""
    new: str | None = None
    time: float


class EvidenceSeen(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One contributing piece of activity."""

    key: str
    """Content key of the activity."""
    sequence: int
    time: float
    not_before: float | None = None
    source: str = ""
    kind: str = ""
    """Audited, K10Stream, State, or Gap."""
    verb: str = ""
    outcome: str = ""
    actor: str = ""
    client_ip: str = ""
    audit_id: str = ""
    """Of the audit event; one client can give several requests the same."""
    path: str = ""
    """Of the request, decoded, without its parameters."""
    target: TargetSeen | None = None
    note: str = ""


class FindingState(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One incident. ``revision`` rises with every signal that is absorbed."""

    key: str
    """``namespace/name`` of the object: the key of its snapshot."""
    name: str
    namespace: str
    fingerprint: str
    journal_id: str
    revision: int = 0
    """Log sequence of the last signal in it, in the journal ``journal_id``."""
    novel: int = 0
    """Log sequence of the last signal that told something new: a higher severity, another actor or target."""

    # identity, fixed when the incident opens
    cluster: str
    watch: str
    rule: str
    pack: str = ""
    group: tuple[tuple[str, str], ...] = ()
    epoch: int = 1
    initial_severity: Severity
    attack: tuple[str, ...] = ()
    runbook: str = ""
    target: TargetSeen | None = None
    """The first target; ``None`` where the incident is about no object (a gap)."""
    folded_since: float | None = None
    """Set on the roll-up of a rule that met its cap: event time of the first incident folded into it."""
    folded_cap: int = 0

    # what is known by now
    severity: Severity
    confidence: Confidence
    certainty: Certainty
    attribution: Attribution = "Unknown"
    title: str = ""
    description: str = ""
    remediation: str = ""
    tags: tuple[str, ...] = ()
    count: int = 0
    first_seen: float
    last_seen: float
    detected: float
    """Our own clock when the incident was opened."""
    reopen_after: float = 86_400
    shown: bool = True
    """False while below the watch's minimum severity: counted, and no object."""

    actors: list[ActorSeen] = msgspec.field(default_factory=list)
    targets: list[TargetSeen] = msgspec.field(default_factory=list)
    target_count: int = 0
    """Objects touched: each once while at most 2,048 are known by hash, from there on every touch of an unknown one."""
    target_hashes: set[int] = msgspec.field(default_factory=set)
    changes: list[ChangeSeen] = msgspec.field(default_factory=list)
    changes_cut: int = 0
    """Changed paths left out of ``changes`` so far."""
    actors_cut: int = 0
    """Times an actor beyond the ten that are kept was seen."""
    clients: list[ClientSeen] = msgspec.field(default_factory=list)
    clients_cut: int = 0
    """Times a client beyond the ten that are kept was seen."""
    credentials_cut: int = 0
    """Times a credential beyond the five of its actor that are kept was seen."""
    evidence_head: list[EvidenceSeen] = msgspec.field(default_factory=list)
    evidence_tail: list[EvidenceSeen] = msgspec.field(default_factory=list)
    recent: list[str] = msgspec.field(default_factory=list)
    """The last 64 event keys: they recognise what an earlier journal already counted."""
    rows: list[tuple[int, int]] = msgspec.field(default_factory=list)
    """(log sequence, count) of the last 64 signals that no story has taken over."""
    absorbs: tuple[tuple[str, float, tuple[tuple[str, str], ...]], ...] = ()
    """Of a story's incident: (rule, seconds, joined fields) of whose incidents are folded under it."""
    superseded: int = 0
    """Of ``count``, what became known better and is counted in another incident now."""
    superseded_by: str = ""
    """Name of the incident that tells the last of it."""
    losses: dict[str, LossSeen] = msgspec.field(default_factory=dict)
    """Of gaps, by reason: the last loss that was counted, of which others may still tell."""


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(FindingState)


def encode(state: FindingState) -> bytes:
    """The state as the journal's opaque row."""
    return _ENCODER.encode(state)


def decode(row: bytes) -> FindingState:
    """The state of a row. Raises :class:`msgspec.DecodeError` where the row is not one of ours."""
    return _DECODER.decode(row)
