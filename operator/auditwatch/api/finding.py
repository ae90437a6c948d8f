"""K10SecurityFinding: the incident as an object. The operator writes spec once and status ever after, people triage.

Nothing in spec may ever have to be corrected: what can rise (severity, attribution, count) is status.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from auditwatch.api.findingstatus import FindingStatus
from auditwatch.api.model import Int, Model, Time, Validation
from auditwatch.api.vocabulary import SEVERITY, Severity, explained

TriageState = Literal["New", "Acknowledged", "InProgress", "Suppressed", "FalsePositive", "Resolved"]
TRIAGE_STATE = {
    "New": "nobody has looked at it",
    "Acknowledged": "somebody has taken note",
    "InProgress": "somebody works on it",
    "Suppressed": "not to be reported until suppressUntilTime",
    "FalsePositive": "it was no trouble; write an exception to silence its like",
    "Resolved": "it is dealt with",
}


class Label(StrEnum):
    """Labels of a finding. A value that is no label value stands as a 64-bit hash."""

    MANAGED_BY = "app.kubernetes.io/managed-by"
    RULE = "k10auditwatch.io/rule"
    SEVERITY = "k10auditwatch.io/severity"
    WATCH = "k10auditwatch.io/watch"
    CASE = "k10auditwatch.io/case"


class WatchReference(Model):
    """The watch that found it."""

    namespace: Annotated[str, Field(max_length=63)] = Field(description="Namespace of the AuditWatch.")
    name: Annotated[str, Field(max_length=253)] = Field(
        description="Name of the AuditWatch; auditwatch_itself where rules told of it that no AuditWatch can change."
    )


class GroupValue(Model):
    """One field that makes this incident this one."""

    field: Annotated[str, Field(min_length=1, max_length=256)] = Field(description="Field path, as in finding.groupBy.")
    value: Annotated[str, Field(max_length=1024)] = Field(description="Its value; empty where absent or unknown.")


class FindingTarget(Model):
    """The object it was about, at first sight."""

    group: Annotated[str, Field(max_length=253)] = Field(default="", description="API group; empty = core.")
    resource: Annotated[str, Field(max_length=63)] = Field(default="", description="Resource in the plural.")
    namespace: Annotated[str, Field(max_length=63)] = Field(default="", description="Empty = cluster-scoped.")
    name: Annotated[str, Field(max_length=253)] = Field(default="", description="Name of the object.")
    uid: Annotated[str, Field(max_length=128)] = Field(default="", description="UID of the object.")


class FindingSpec(Model):
    """What this incident is. Written once, when it was opened; immutable."""

    keyed: ClassVar[Mapping[str, str]] = {"groupBy": "field"}
    distinct: ClassVar[tuple[str, ...]] = ("attack",)
    validations: ClassVar[tuple[Validation, ...]] = (
        Validation("self == oldSelf", "spec is immutable: write what you know into triage"),
    )

    rule: Annotated[str, Field(min_length=1, max_length=63)] = Field(description="Name of the rule that matched.")
    pack: Annotated[str, Field(max_length=128)] = Field(
        default="", description="Pack of the rule as name@version; empty = a rule of the watch's own."
    )
    watch_ref: WatchReference = Field(description="The watch that found it.")
    cluster: Annotated[str, Field(max_length=253)] = Field(default="", description="Cluster it happened in.")
    fingerprint: Annotated[str, Field(min_length=1, max_length=64)] = Field(
        description="The same for every incident of this cluster, watch, rule and groupBy values."
    )
    group_by: Annotated[tuple[GroupValue, ...], Field(max_length=8)] = Field(
        default=(), description="Fields that make this incident this one."
    )
    target: FindingTarget = Field(default=FindingTarget(), description="The object it was about, at first sight.")
    epoch: Annotated[Int, Field(ge=1)] = Field(default=1, description="Number of the incident of this fingerprint.")
    initial_severity: Severity = Field(description=explained("Severity at first sight. Values:", SEVERITY))
    attack: Annotated[tuple[Annotated[str, Field(max_length=16)], ...], Field(max_length=8)] = Field(
        default=(), description="MITRE ATT&CK techniques, e.g. T1490."
    )
    runbook_url: Annotated[str, Field(max_length=512)] = Field(
        default="",
        alias="runbookURL",
        description="Page that says what to do: an address, or a path in k10-auditwatch where nobody set runbooks.url.",
    )


class Triage(Model):
    """What people say of it."""

    state: TriageState = Field(default="New", description=explained("How far people are. Values:", TRIAGE_STATE))
    assignee: Annotated[str, Field(max_length=253)] | None = Field(default=None, description="Who deals with it.")
    comment: Annotated[str, Field(max_length=1024)] | None = Field(default=None, description="What is known.")
    ticket: Annotated[str, Field(max_length=256)] | None = Field(default=None, description="Where it is tracked.")
    suppress_until_time: Time | None = Field(
        default=None, description="Until when Suppressed holds; absent = for good."
    )


class K10SecurityFinding(Model):
    """An incident of abuse of Kasten K10: deduplicated, counted, explained, and triaged by people."""

    spec: FindingSpec = Field(description="What this incident is. Written once, when it was opened; immutable.")
    triage: Triage = Field(default=Triage(), description="What people say of it; nothing else is theirs to write.")
    status: FindingStatus | None = Field(default=None, description="What the operator knows; nobody else writes it.")
