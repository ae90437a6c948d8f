"""Tests written inside a rule: what it is shown, and what it must say."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from auditwatch.api.model import Flaw, Int, Model, Raw, Time, given
from auditwatch.api.problems import join, nearest, validate
from auditwatch.api.vocabulary import EVIDENCE, SEVERITY, Severity, explained

Expect = Literal["Match", "NoMatch", "Unknown"]
EXPECT = {
    "Match": "the last change or event makes it emit",
    "NoMatch": "no change or event makes it emit",
    "Unknown": "the last change or event leaves open whether it matches",
}

_USER = ("username", "uid", "groups", "extra")
_EVENT_FIELDS: Mapping[str, tuple[str, ...]] = {
    "": (
        "kind", "apiVersion", "level", "auditID", "stage", "requestURI", "verb", "user", "impersonatedUser",
        "authenticationMetadata", "sourceIPs", "userAgent", "objectRef", "responseStatus", "requestObject",
        "responseObject", "requestReceivedTimestamp", "stageTimestamp", "annotations",
    ),
    "user": _USER,
    "impersonatedUser": _USER,
    "objectRef": (
        "resource", "namespace", "name", "uid", "apiGroup", "apiVersion", "resourceVersion", "subresource",
    ),
    "responseStatus": ("metadata", "status", "message", "reason", "details", "code"),
}  # fmt: skip
"""Fields of audit.k8s.io/v1 Event and of its parts: a typo in a test must not make it pass."""

_NO_EVENT = 'must be an audit event with a verb: {"verb": "delete", "user": {…}, "objectRef": {…}, …}'
_SHOWS_NOTHING = "a test shows the rule something: set state, event or events"
_ONE_OR_MANY = "set event for one audit event, events for several; not both"


class ShownChange(Model):
    """One change of one object, as the `state` source sees it; ``old`` null: created, ``new`` null: deleted."""

    resource: Annotated[str, Field(min_length=1, max_length=253)] = Field(
        description="group/resource, e.g. config.kio.kasten.io/policies; the core group is left out: namespaces."
    )
    old: dict[str, Any] | None = Field(description="The object before, null for a creation.")
    new: dict[str, Any] | None = Field(description="The object after, null for a deletion.")
    manager: Annotated[str, Field(max_length=128)] = Field(default="", description="Field manager that wrote it.")
    time: Time | None = Field(
        default=None,
        description="When; absent = one second after the change before it, the first at 2026-01-01T00:00:00Z.",
    )


def shown_change(text: str) -> ShownChange:
    """Read one item of ``state``; raises ValueError that says what is wrong with it."""
    change, problems = validate(ShownChange, _json(text))
    if change is None:
        raise ValueError("; ".join(map(str, problems)))
    return change


def shown_event(text: str) -> dict[str, Any]:
    """Read one audit event as far as this room goes: a JSON object with a verb. Raises ValueError."""
    event = _json(text)
    if not (isinstance(event, dict) and isinstance(event.get("verb"), str)):
        raise ValueError(_NO_EVENT)  # noqa: TRY004 - pydantic takes a ValueError for a flaw, a TypeError for a bug
    for place, fields in _EVENT_FIELDS.items():
        part = event.get(place, {}) if place else event
        for name in part if isinstance(part, dict) else ():
            if name not in fields:
                raise ValueError(f"{join(place, [name])}: an audit event has no such field{nearest(name, fields)}")
    return event


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValueError(f"must be a JSON object in a string: {error}") from None


def _readable(text: str) -> str:
    shown_change(text)
    return text


def _readable_event(text: str) -> str:
    shown_event(text)
    return text


_Event = Annotated[str, Field(max_length=16_384), AfterValidator(_readable_event)]


class RuleTest(Model):
    """One test: a series of changes and audit events, and what the rule must say of it."""

    name: Annotated[str, Field(min_length=1, max_length=128)] = Field(
        description="A sentence that says what is tested."
    )
    state: Annotated[
        tuple[Annotated[str, Field(max_length=16_384), AfterValidator(_readable)], ...],
        Field(min_length=1, max_length=64),
    ] = Field(
        default=(),
        description='Changes in their order, each a JSON object in a string: {"resource": '
        '"config.kio.kasten.io/policies", '
        '"old": {...}, "new": {...}, "manager": "kubectl-edit", "time": "2026-01-01T00:00:00Z"}; old null = '
        "created, new null = "
        "deleted; manager and time may be left out (one second passes from change to change). Beside events, a change "
        "of the object that an event is about is what the event did; others are there before. Where pods of K10's "
        "account are shown no other pod is K10's; where none is, every pod that a token names is.",
    )
    event: _Event | None = Field(
        default=None,
        description='One audit event, a JSON object in a string: {"verb": "delete", "user": {"username": "eve"}, '
        '"objectRef": {"apiGroup": "config.kio.kasten.io", "resource": "policies", "namespace": "kasten-io", "name": '
        '"daily"}}. What is left out: stage ResponseComplete, code 200, level and timestamps.',
    )
    events: Annotated[tuple[_Event, ...], Field(min_length=1, max_length=64)] | None = Field(
        default=None, description="Several audit events in their order, one second apart; each like event."
    )
    evidence: Literal["Audited", "K10Stream"] = Field(
        default="Audited",
        description=explained("Where the events come from. Values:", EVIDENCE, only=("Audited", "K10Stream")),
    )
    expect: Expect = Field(description=explained("What the rule must say. Values:", EXPECT))
    severity: Severity | None = Field(
        default=None, description=explained("Severity the last match must have; absent = any. Values:", SEVERITY)
    )
    title: Annotated[str, Field(max_length=256)] | None = Field(
        default=None, description="Title the last match must have; absent = any."
    )
    count: Annotated[Int, Field(ge=0, le=1_000_000)] | None = Field(
        default=None, description="What the matches must count together; absent = any."
    )

    @classmethod
    def checks(cls, raw: Raw, /) -> Iterator[Flaw]:
        """Something is shown, and one event has one place."""
        if not any(given(raw, name) for name in ("state", "event", "events")):
            yield Flaw((), _SHOWS_NOTHING)
        if given(raw, "event") and given(raw, "events"):
            yield Flaw(("event",), _ONE_OR_MANY)

    @property
    def changes(self) -> tuple[ShownChange, ...]:
        """The state, read."""
        return tuple(map(shown_change, self.state))

    @property
    def audit_events(self) -> tuple[dict[str, Any], ...]:
        """The audit events, read, in their order."""
        return tuple(map(shown_event, self.events or ([self.event] if self.event else [])))
