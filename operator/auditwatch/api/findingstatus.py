"""What the operator knows of an incident: absolute values, rewritten as more is seen.

Severity and attribution only rise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from auditwatch.api.conditions import Condition
from auditwatch.api.model import Int, Model, Time
from auditwatch.api.vocabulary import CONFIDENCE, SEVERITY, Attribution, Confidence, Severity, explained

Certainty = Literal["Observed", "Attempted", "OutcomeUnknown"]
CERTAINTY = {
    "Observed": "it was done",
    "Attempted": "it was tried and refused",
    "OutcomeUnknown": "it was tried and nobody knows whether it was done",
}
ATTRIBUTION = {
    "Unknown": "nobody knows who acted",
    "FieldManager": "only an object's field manager hints at it, which clients choose freely",
    "Ambiguous": "several requests may have done it",
    "Correlated": "exactly one request may have done it",
    "Audited": "the audit log says who",
}
Disposition = Literal["Open", "Explained", "Planned", "Superseded"]
DISPOSITION = {
    "Open": "nothing explains it",
    "Explained": "another finding explains it",
    "Planned": "it belongs to announced work",
    "Superseded": "another finding tells the same better",
}
IncidentState = Literal["New", "Reopened", "Closed"]
INCIDENT_STATE = {
    "New": "not triaged yet",
    "Reopened": "something new came after it was triaged",
    "Closed": "triaged, and nothing new since",
}
_Count = Annotated[Int, Field(ge=0)]
_Display = Annotated[str, Field(max_length=512)]
_Name = Annotated[str, Field(max_length=253)]

ACTOR_WIDTH = 16
TARGET_WIDTH = 17
"""With the longest rule that ships a row of ``kubectl get`` has 120 characters."""


class Summary(Model):
    """What kubectl's table has room for; cut, the full values stand elsewhere."""

    actor: Annotated[str, Field(max_length=ACTOR_WIDTH)] = Field(default="", description="Who, shortened.")
    target: Annotated[str, Field(max_length=TARGET_WIDTH)] = Field(
        default="", description="Name of what it was done to, shortened; +N: and N more."
    )


class SeenActor(Model):
    """Somebody who acted, as far as it is known."""

    id: _Display = Field(default="", description="What names them on this platform; empty = nobody knows.")
    name: _Display = Field(default="", description="User name they acted as, where it is not the id.")
    via: Annotated[str, Field(max_length=63)] = Field(default="", description="How they acted, e.g. Direct.")
    kind: Annotated[str, Field(max_length=63)] = Field(default="", description="What they are, e.g. ServiceAccount.")
    manager: Annotated[str, Field(max_length=128)] = Field(
        default="", description="Field manager the object names: a client's own word, a hint and never proof."
    )
    impersonator: _Display = Field(default="", description="Who authenticated and acted as them.")
    attribution: Attribution | None = Field(
        default=None, description=explained("How this one is known. Values:", ATTRIBUTION)
    )
    credential_ids: Annotated[tuple[Annotated[str, Field(max_length=128)], ...], Field(max_length=5)] = Field(
        default=(), alias="credentialIDs", description="Credentials used, e.g. JTI=… of a token; the first five."
    )
    client_ips: Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(max_length=5)] = Field(
        default=(), alias="clientIPs", description="Addresses they acted from; the first five."
    )
    pod: _Name = Field(default="", description="Pod that the last token which names one is bound to.")
    node: _Name = Field(default="", description="Node of that pod.")


class SeenClient(Model):
    """Where requests came from."""

    ip: Annotated[str, Field(max_length=64)] = Field(
        default="", description="Address that the API server, or a proxy that is trusted, saw."
    )
    agent: Annotated[str, Field(max_length=256)] = Field(
        default="", description="What the client calls itself: its own word."
    )


class SeenTarget(Model):
    """One object it was about."""

    group: Annotated[str, Field(max_length=253)] = Field(default="", description="API group; empty = core.")
    resource: Annotated[str, Field(max_length=63)] = Field(default="", description="Resource in the plural.")
    namespace: Annotated[str, Field(max_length=63)] = Field(default="", description="Empty = cluster-scoped.")
    name: Annotated[str, Field(max_length=253)] = Field(default="", description="Name of the object.")
    uid: Annotated[str, Field(max_length=128)] = Field(default="", description="UID of the object.")
    time: Time | None = Field(default=None, description="When it was first touched.")


class SeenChange(Model):
    """One field that changed, for people: escaped and cut."""

    path: _Display = Field(description="Which field.")
    old: _Display | None = Field(default=None, description="Value before; absent = it was not there.")
    new: _Display | None = Field(default=None, description="Value after; absent = it is not there any more.")


class Evidence(Model):
    """One piece of activity that this is made of."""

    key: Annotated[str, Field(min_length=1, max_length=64)] = Field(
        description="Content key; the same thing seen twice has the same."
    )
    time: Time | None = Field(default=None, description="When it happened.")
    verb: Annotated[str, Field(max_length=32)] = Field(default="", description="What was done.")
    group: Annotated[str, Field(max_length=253)] = Field(default="", description="API group of the object.")
    resource: Annotated[str, Field(max_length=63)] = Field(default="", description="Resource in the plural.")
    namespace: Annotated[str, Field(max_length=63)] = Field(default="", description="Namespace of the object.")
    name: Annotated[str, Field(max_length=253)] = Field(default="", description="Name of the object.")
    uid: Annotated[str, Field(max_length=128)] = Field(default="", description="UID of the object.")
    outcome: Annotated[str, Field(max_length=32)] = Field(default="", description="How it turned out.")
    actor: _Display = Field(default="", description="Who, as far as it is known.")
    client_ip: Annotated[str, Field(max_length=64)] = Field(
        default="", alias="clientIP", description="Address the request came from."
    )
    audit_id: Annotated[str, Field(max_length=64)] = Field(
        default="", alias="auditID", description="auditID of its event in the audit log."
    )
    request_path: Annotated[str, Field(max_length=256)] = Field(
        default="", description="Path of the request, without its parameters."
    )
    source: Annotated[str, Field(max_length=63)] = Field(default="", description="Source that saw it.")
    sequence: _Count | None = Field(default=None, description="Its place in the journal's log.")
    note: _Display = Field(default="", description="What else is to be said of it.")


class Watermark(Model):
    """Up to where the journal is counted here."""

    journal_id: Annotated[str, Field(max_length=64)] = Field(alias="journalID", description="Which journal.")
    sequence: _Count = Field(description="Last place of its log that is counted here.")


class FindingStatus(Model):
    """What the operator knows; nobody else writes it."""

    keyed: ClassVar[Mapping[str, str]] = {"conditions": "type"}

    title: Annotated[str, Field(max_length=256)] = Field(default="", description="What happened, in a line.")
    description: Annotated[str, Field(max_length=4096)] = Field(
        default="", description="What happened and why it matters."
    )
    severity: Severity | None = Field(
        default=None, description=explained("How soon somebody must look. Values:", SEVERITY)
    )
    confidence: Confidence | None = Field(
        default=None, description=explained("How sure it means trouble. Values:", CONFIDENCE)
    )
    certainty: Certainty | None = Field(default=None, description=explained("Whether it was done. Values:", CERTAINTY))
    attribution: Attribution | None = Field(
        default=None, description=explained("How the actor is known. Values:", ATTRIBUTION)
    )
    disposition: Disposition | None = Field(
        default=None, description=explained("What it turned out to be. Values:", DISPOSITION)
    )
    superseded_by: Annotated[str, Field(max_length=253)] | None = Field(
        default=None, description="Name of the finding that tells the same better; absent = none does."
    )
    state: IncidentState | None = Field(
        default=None, description=explained("What triage covers. Values:", INCIDENT_STATE)
    )
    summary: Summary | None = Field(default=None, description="What kubectl's table shows.")
    actors: Annotated[tuple[SeenActor, ...], Field(max_length=10)] = Field(default=(), description="Who acted.")
    clients: Annotated[tuple[SeenClient, ...], Field(max_length=10)] = Field(
        default=(), description="Where they, or those who may have, acted from."
    )
    targets: Annotated[tuple[SeenTarget, ...], Field(max_length=50)] = Field(
        default=(), description="Objects, the first 50."
    )
    target_count: _Count | None = Field(default=None, description="Different objects in all.")
    changes: Annotated[tuple[SeenChange, ...], Field(max_length=10)] = Field(
        default=(), description="What changed, old and new, in the last activity that changed something."
    )
    count: _Count | None = Field(
        default=None, description="Activities in all; one that removed many objects counts them."
    )
    first_seen_time: Time | None = Field(default=None, description="Event time of the first activity.")
    last_seen_time: Time | None = Field(default=None, description="Event time of the last activity.")
    detected_time: Time | None = Field(default=None, description="When the operator noticed.")
    evidence: Annotated[tuple[Evidence, ...], Field(max_length=10)] = Field(
        default=(), description="What it is made of: the first five and the last five."
    )
    watermark: Watermark | None = Field(default=None, description="Up to where the journal is counted here.")
    remediation: Annotated[str, Field(max_length=2048)] = Field(default="", description="First steps.")
    conditions: Annotated[tuple[Condition, ...], Field(max_length=8)] = Field(
        default=(), description="Acknowledged: a person has taken note; Resolved: a person has closed it."
    )
    observed_generation: _Count | None = Field(
        default=None, description="metadata.generation of the triage that is honoured."
    )
