"""What the operator says of a watch: its sources, what each rule can see, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from auditwatch.api.conditions import Condition
from auditwatch.api.model import Int, Model, Time
from auditwatch.api.vocabulary import SEVERITY, Severity, explained

SourceState = Literal["Starting", "Live", "Degraded", "Unavailable"]
SOURCE_STATE = {
    "Starting": "the first list is still being read",
    "Live": "it gives proof of life",
    "Degraded": "a part of it is missing, e.g. a right for one kind",
    "Unavailable": "it gives no proof of life",
}
Visibility = Literal["Full", "Partial", "Blind"]
VISIBILITY = {
    "Full": "the rule sees all it is about",
    "Partial": "some of what it is about may pass unseen",
    "Blind": "it sees nothing",
}
_Count = Annotated[Int, Field(ge=0)]
_Reason = Annotated[str, Field(max_length=128)]
_Message = Annotated[str, Field(max_length=1024)]


class SourceStatus(Model):
    """How one source is."""

    name: Annotated[str, Field(max_length=63)] = Field(description="Name of the source.")
    type: Annotated[str, Field(max_length=63)] = Field(description="Kind of source, e.g. state.")
    state: SourceState = Field(description=explained("How it is. Values:", SOURCE_STATE))
    reason: _Reason | None = Field(default=None, description="Why, in one CamelCase word; absent while all is well.")
    message: _Message | None = Field(default=None, description="Why, and the fix, for people.")
    lag_seconds: _Count | None = Field(default=None, description="How far it is behind.")
    last_event_time: Time | None = Field(default=None, description="When it last saw something happen.")
    last_proof_of_life_time: Time | None = Field(
        default=None, description="Until when silence of this source means that nothing happened."
    )


class VisibilityCount(Model):
    """How many rules see how much."""

    full: _Count = Field(default=0, description="Rules that see all they are about.")
    partial: _Count = Field(default=0, description="Rules that may miss some of it.")
    blind: _Count = Field(default=0, description="Rules that see nothing.")


class RuleStatus(Model):
    """How one rule is: those that do not see everything, and those that matched last."""

    name: Annotated[str, Field(max_length=63)] = Field(description="Name of the rule.")
    severity: Severity | None = Field(default=None, description=explained("Severity in force. Values:", SEVERITY))
    visibility: Visibility = Field(description=explained("How much it sees. Values:", VISIBILITY))
    reason: _Reason | None = Field(default=None, description="Why it does not see everything, in one CamelCase word.")
    message: _Message | None = Field(default=None, description="Why, and how to open its eyes, for people.")
    last_match_time: Time | None = Field(default=None, description="Event time of its last match.")
    matches: _Count | None = Field(default=None, description="Matches so far.")


class WatchStatus(Model):
    """What the operator says; nobody else writes it."""

    keyed: ClassVar[Mapping[str, str]] = {"conditions": "type", "sources": "name"}

    observed_generation: _Count | None = Field(default=None, description="metadata.generation that is in force.")
    rule_count: _Count | None = Field(default=None, description="Rules in force.")
    finding_count: _Count | None = Field(default=None, description="Findings that are open.")
    last_match_time: Time | None = Field(default=None, description="Event time of the last match of any rule.")
    conditions: Annotated[tuple[Condition, ...], Field(max_length=16)] = Field(
        default=(),
        description="Ready: rules are in force and all is well; Accepted: nothing is wrong with the spec; "
        "SourcesAvailable: every source is alive; Durable: what was seen survives the pod; Backlogged: activity waits.",
    )
    sources: Annotated[tuple[SourceStatus, ...], Field(max_length=16)] = Field(
        default=(), description="The sources, one by one."
    )
    visibility: VisibilityCount | None = Field(default=None, description="How many rules see how much.")
    rules: Annotated[tuple[RuleStatus, ...], Field(max_length=96)] = Field(
        default=(), description="Rules that do not see everything, and the 32 that matched last."
    )
