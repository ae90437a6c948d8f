"""Stories: what many signals mean together. Two kinds count: signals, or the different values they have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field

from auditwatch.api.model import Flaw, Int, Model, Name, Path, Raw, Validation, given

MOST_VALUES: Final = 32
"""The highest number of different values a story may ask for: a window keeps twice as many."""
_ONE_OF = Validation("has(self.rule) != has(self.tags)", "say whose signals: set exactly one of rule and tags")
_VALUE = Validation(
    "(self.type == 'valueCount') == has(self.value)",
    "set value for a valueCount, whose different values are counted, and for no other type",
)
_NO_SUM = Validation(
    "self.type != 'valueCount' || !has(self.count)",
    "remove count: a valueCount counts values and not objects",
    ".count",
)
_FEW_VALUES = Validation(
    f"self.type != 'valueCount' || self.conditions[0].gte <= {MOST_VALUES}",
    f"gte must be at most {MOST_VALUES} for a valueCount",
    ".conditions",
)


class SignalsOf(Model):
    """Signals a story takes in: of one rule, or of every rule that has all of some tags."""

    validations: ClassVar[tuple[Validation, ...]] = (_ONE_OF,)
    alternatives: ClassVar[tuple[tuple[str, ...], ...]] = (("rule",), ("tags",))

    rule: Name | None = Field(default=None, description="Name of the rule.")
    tags: Annotated[tuple[Name, ...], Field(min_length=1, max_length=8)] | None = Field(
        default=None, description="Tags that the rules must all have."
    )

    @classmethod
    def checks(cls, raw: Raw, /) -> Iterator[Flaw]:
        """Exactly one of the two."""
        if given(raw, "rule") == given(raw, "tags"):
            yield Flaw((), _ONE_OF.message)


class Threshold(Model):
    """When the count is enough."""

    gte: Annotated[Int, Field(ge=1, le=1_000_000)] = Field(description="At least this many within the window.")


class Count(Model):
    """What is added up instead of signals."""

    sum: Literal["target.count"] = Field(
        description="target.count: the objects each request touched, so that a deletecollection counts what it "
        "deleted; "
        "an unknown number counts as 1."
    )


class SameValue(Model):
    """A field of the story and one of the absorbed rule that must say the same."""

    field: Path = Field(description="One of the fields the story's findings are grouped by.")
    with_: Path = Field(alias="with", description="One of the fields the absorbed rule's findings are grouped by.")


class Absorbed(Model):
    """A rule whose findings are folded under the story's."""

    rule: Name = Field(description="Name of the rule.")
    join: Annotated[tuple[SameValue, ...], Field(min_length=1, max_length=4)] | None = Field(
        default=None,
        description="Which of its findings: those with the same values, seen within timespanSeconds of the story. "
        "Absent = those of which the story has counted everything; the rule must then be one of `of`.",
    )


class Correlate(Model):
    """Counts signals of other rules, per group, in a window that slides with event time."""

    distinct: ClassVar[tuple[str, ...]] = ("groupBy", "value")
    validations: ClassVar[tuple[Validation, ...]] = (_VALUE, _NO_SUM, _FEW_VALUES)

    type: Literal["eventCount", "valueCount"] = Field(
        description="Kind of story. eventCount: how many signals there are; valueCount: how many different values of "
        "the fields in value they have, so that who repeats one thing is not taken for who tries many."
    )
    value: Annotated[tuple[Path, ...], Field(min_length=1, max_length=8)] | None = Field(
        default=None,
        description="Fields that together make a value, e.g. request.verb and target.resource; absent and unknown are "
        "values, too. Only for valueCount.",
    )
    of: Annotated[tuple[SignalsOf, ...], Field(min_length=1, max_length=16)] = Field(
        description="Whose signals are counted; each signal once, also where several items fit it."
    )
    group_by: Annotated[tuple[Path, ...], Field(min_length=1, max_length=8)] | None = Field(
        default=None,
        description="Fields whose values keep counts apart, e.g. actor.id; absent = one count for all. Also groups the "
        "findings, unless finding.groupBy says otherwise.",
    )
    timespan_seconds: Annotated[Int, Field(ge=1, le=86_400)] = Field(description="Length of the window.")
    conditions: Annotated[tuple[Threshold, ...], Field(min_length=1, max_length=1)] = Field(
        description="When the count is enough; it is reported again for every signal beyond it."
    )
    count: Count | None = Field(default=None, description="Adds up a field; absent = every signal counts 1.")
    absorbs: Annotated[tuple[Absorbed, ...], Field(max_length=8)] = Field(
        default=(),
        description="Rules whose findings tell the same as this story: where it has one, theirs are marked "
        "Superseded and name it, and it takes over whom and what they name.",
    )
    missing_key: Literal["OwnGroup"] = Field(
        default="OwnGroup",
        description="What happens where a groupBy field is absent or unknown. OwnGroup: those count together, "
        "apart from others.",
    )

    @classmethod
    def checks(cls, raw: Raw, /) -> Iterator[Flaw]:
        """The CEL above, in Python."""
        counts_values = raw.get("type") == "valueCount"
        if counts_values != given(raw, "value"):
            yield Flaw((), _VALUE.message)
        if counts_values and given(raw, "count"):
            yield Flaw(("count",), _NO_SUM.message)
        if counts_values and any(map(_is_too_many, raw.get("conditions") or ())):
            yield Flaw(("conditions",), _FEW_VALUES.message)


def _is_too_many(condition: object) -> bool:
    least = condition.get("gte") if isinstance(condition, Mapping) else None
    return isinstance(least, int) and least > MOST_VALUES
