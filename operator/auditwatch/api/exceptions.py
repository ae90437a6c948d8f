"""Written exceptions of a rule: what is known and reviewed, until when, and how much of it."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from auditwatch.api.model import Bool, Int, Model, Name, Time
from auditwatch.api.vocabulary import VIA, Via, explained
from auditwatch.api.where import Where


class UpTo(Model):
    """How much an exception covers; what is beyond is judged as if it were not written."""

    count: Annotated[Int, Field(ge=1, le=1_000_000)] = Field(
        description="Matches that are covered in any such stretch of time."
    )
    per_seconds: Annotated[Int, Field(ge=1, le=86_400)] = Field(description="Length of the stretch.")


class RuleException(Model):
    """One exception. Holds only where who acted is known well enough; what was not seen is never excepted."""

    distinct: ClassVar[tuple[str, ...]] = ("via",)

    name: Name = Field(description="Names it in reports; unique in its rule.")
    reason: Annotated[str, Field(min_length=1, max_length=512)] = Field(
        description="Why this is no finding, and who decided so."
    )
    expiration_time: Time | None = Field(default=None, description="From when on it no longer holds; absent = never.")
    effect: Literal["Mute"] = Field(
        default="Mute", description="What it does. Mute: no finding; rules that count this one still do."
    )
    up_to: UpTo | None = Field(default=None, description="Covers only so many matches per time; absent = all.")
    where: Where = Field(description="What is excepted: all of these must hold; an unknown one does not.")
    via: Annotated[tuple[Via, ...], Field(min_length=1, max_length=5)] | None = Field(
        default=None,
        description=explained("Ways of acting it holds for; absent = all but Impersonation. Values:", VIA),
    )
    trust_field_managers: Bool = Field(
        default=False,
        description="Also hold where the actor is known only by an object's field manager, which clients choose "
        "freely.",
    )
