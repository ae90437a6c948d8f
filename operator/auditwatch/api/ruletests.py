"""Tests written inside a rule: what it is shown, and what it must say."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from auditwatch.api.model import Int, Model, Time
from auditwatch.api.problems import validate
from auditwatch.api.vocabulary import SEVERITY, Severity, explained

Expect = Literal["Match", "NoMatch", "Unknown"]
EXPECT = {
    "Match": "the last change makes it emit",
    "NoMatch": "no change makes it emit",
    "Unknown": "the last change leaves open whether it matches",
}


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
    try:
        raw = json.loads(text)
    except ValueError as error:
        raise ValueError(f"must be a JSON object in a string: {error}") from None
    change, problems = validate(ShownChange, raw)
    if change is None:
        raise ValueError("; ".join(map(str, problems)))
    return change


def _readable(text: str) -> str:
    shown_change(text)
    return text


class RuleTest(Model):
    """One test: a series of changes, and what the rule must say of it."""

    name: Annotated[str, Field(min_length=1, max_length=128)] = Field(
        description="A sentence that says what is tested."
    )
    state: Annotated[
        tuple[Annotated[str, Field(max_length=16_384), AfterValidator(_readable)], ...],
        Field(min_length=1, max_length=64),
    ] = Field(
        description='Changes in their order, each a JSON object in a string: {"resource": '
        '"config.kio.kasten.io/policies", '
        '"old": {...}, "new": {...}, "manager": "kubectl-edit", "time": "2026-01-01T00:00:00Z"}; old null = '
        "created, new null = "
        "deleted; manager and time may be left out (one second passes from change to change)."
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

    @property
    def changes(self) -> tuple[ShownChange, ...]:
        """The state, read."""
        return tuple(map(shown_change, self.state))
