"""Conditions of both kinds: every type and reason in one place, and the one function that sets them.

Types and reasons are API. `Accepted`, `Ready` and the like are adjectives; a missing condition means Unknown.
The transition time moves only when the status does, so that `kubectl` and people can say since when.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field

from auditwatch.api.model import Int, Model, Time

Status = Literal["True", "False", "Unknown"]
STATUS = {"True": "it holds", "False": "it does not hold", "Unknown": "nobody can tell"}
MESSAGE_LENGTH = 32_768


class ConditionType(StrEnum):
    """What a condition says, when it is True."""

    READY = "Ready"
    """AuditWatch: rules are in force and everything below is fine."""
    ACCEPTED = "Accepted"
    """AuditWatch: nothing is wrong with the spec."""
    SOURCES_AVAILABLE = "SourcesAvailable"
    """AuditWatch: every source it names is alive and sees all it should."""
    DURABLE = "Durable"
    """AuditWatch: what was seen survives the pod."""
    BACKLOGGED = "Backlogged"
    """AuditWatch: activity waits to be looked at. True is bad."""
    ACKNOWLEDGED = "Acknowledged"
    """K10SecurityFinding: a person has taken note."""
    RESOLVED = "Resolved"
    """K10SecurityFinding: a person has closed it."""


class Reason(StrEnum):
    """Why a condition has its status; CamelCase, for machines."""

    WATCHING = "Watching"
    """Ready: rules are matched against what happens."""
    STARTING = "Starting"
    """Ready, SourcesAvailable: the first list of objects is still being read."""
    PAUSED = "Paused"
    """Ready: spec.paused stops matching."""
    RULES_COMPILED = "RulesCompiled"
    """Accepted: the message counts rules and packs."""
    INVALID_SPEC = "InvalidSpec"
    """Accepted, Ready: the message lists every problem with its path; what is not named there is in force."""
    NOT_IN_FORCE = "NotInForce"
    """Accepted, Ready: what the spec says could not be put in force yet; the message says why, and what is."""
    SOURCES_ALIVE = "SourcesAlive"
    """SourcesAvailable: each has given proof of life."""
    WAITING_FOR_FIRST_SENDER = "WaitingForFirstSender"
    """SourcesAvailable: a webhook listens, and nobody has ever posted to it; Ready stays as all else makes it."""
    SOURCE_UNAVAILABLE = "SourceUnavailable"
    """SourcesAvailable, Ready: a source has given no proof of life; the message names it."""
    WATCH_FORBIDDEN = "WatchForbidden"
    """SourcesAvailable, Ready: a right is missing; the message names verb and resource."""
    UNKNOWN_SOURCE = "UnknownSource"
    """SourcesAvailable, Ready: the spec names a source that is not installed."""
    UNKNOWN_K10 = "UnknownK10"
    """SourcesAvailable, Ready: the spec names a K10 that is not installed, or none was found."""
    JOURNAL_PERSISTENT = "JournalPersistent"
    """Durable: the journal lies on a volume that outlives the pod."""
    JOURNAL_EPHEMERAL = "JournalEphemeral"
    """Durable: the journal is lost with the pod."""
    KEEPING_UP = "KeepingUp"
    """Backlogged: the queues are short."""
    QUEUE_FULL = "QueueFull"
    """Backlogged: a queue has been full for a while; senders wait."""
    FINDINGS_REFUSED = "FindingsRefused"
    """Backlogged: the API server refuses findings of this watch; the message has its answer and the fix."""
    TRIAGED = "Triaged"
    """Acknowledged, Resolved: triage says so."""
    AWAITING_TRIAGE = "AwaitingTriage"
    """Acknowledged, Resolved: nobody has looked at it, or something new came after."""


class Condition(Model):
    """One aspect of the state of an object, as in every Kubernetes API."""

    type: Annotated[str, Field(min_length=1, max_length=316)] = Field(description="Which aspect; unique in the list.")
    status: Status = Field(
        description="Whether it holds. Values: " + "; ".join(f"{k}: {v}" for k, v in STATUS.items()) + "."
    )
    observed_generation: Annotated[Int, Field(ge=0)] | None = Field(
        default=None, description="metadata.generation this was said of."
    )
    last_transition_time: Time = Field(description="Since when the status is what it is.")
    reason: Annotated[
        str, Field(min_length=1, max_length=1024, pattern=r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$")
    ] = Field(description="Why, in one CamelCase word for machines.")
    message: Annotated[str, Field(max_length=MESSAGE_LENGTH)] = Field(description="Why, for people.")


def set_condition(
    existing: Iterable[Mapping[str, Any]],
    *,
    type: ConditionType,  # noqa: A002  # the API's own word
    status: Status,
    reason: Reason,
    message: str,
    generation: int,
    now: datetime,
) -> list[dict[str, Any]]:
    """The conditions with one of them set, in their order; nothing given is changed.

    ``now`` must carry an offset. ``lastTransitionTime`` is ``now`` only where the status differs from before.
    """
    conditions = [dict(condition) for condition in existing]
    before = next((condition for condition in conditions if condition.get("type") == type), None)
    kept = before.get("lastTransitionTime") if before and before.get("status") == status else None
    after = {
        "type": str(type),
        "status": status,
        "observedGeneration": generation,
        "lastTransitionTime": kept or rfc3339(now),
        "reason": str(reason),
        "message": message if len(message) <= MESSAGE_LENGTH else f"{message[: MESSAGE_LENGTH - 1]}…",
    }
    if before is None:
        return [*conditions, after]
    return [after if condition is before else condition for condition in conditions]


def rfc3339(moment: datetime) -> str:
    """``2026-11-23T06:04:25Z``: whole seconds, as metav1.Time is written; raises ValueError without an offset."""
    if moment.tzinfo is None:
        raise ValueError("a time needs its offset from UTC")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
