"""The items of a ``where``: tests, macros and their fixed nesting (never deeper than forAny → anyOf → test).

Every kind of item is one flat object with its kinds as optional fields. That keeps the CRD structural, and makes
one flaw one message instead of one message per kind the item might have been.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from auditwatch.api.model import Flaw, Int, Model, Name, Path, Raw, Validation, Value, given
from auditwatch.api.operators import NO_OPERAND, ONE_OPERAND, SHAPES, Operator, taking
from auditwatch.api.vocabulary import explained

Only = Literal["Any", "New", "Gone"]
ONLY = {
    "Any": "every element",
    "New": "elements that were not there before",
    "Gone": "elements that are no longer there",
}

_OPERANDS = ("values", "list", "valueFrom")
_OPTIONS: tuple[Literal["percent", "order", "missingAs"], ...] = ("percent", "order", "missingAs")


def _quoted(names: tuple[str, ...]) -> str:
    return "[" + ", ".join(f"'{name}'" for name in names) + "]"


_NO_TEST = "values, list and valueFrom belong to a test: set its field and operator, or remove them"
_COUNT = " + ".join(f"(has(self.{name}) ? 1 : 0)" for name in _OPERANDS)

TEST_VALIDATIONS = (
    Validation("has(self.field) == has(self.operator)", "a test has both: set field and operator"),
    Validation(
        f"!has(self.operator) || self.operator in {_quoted(NO_OPERAND)} || {_COUNT} == 1",
        "give this operator its operand: set exactly one of values, list and valueFrom",
    ),
    Validation(
        f"!has(self.operator) || !(self.operator in {_quoted(NO_OPERAND)}) || {_COUNT} == 0",
        "this operator takes no operand: remove values, list and valueFrom",
    ),
    Validation(
        f"!has(self.operator) || !(self.operator in {_quoted(ONE_OPERAND)}) || !has(self.list) && "
        "(!has(self.values) || size(self.values) == 1)",
        "this operator compares with one value: give values exactly one item, or use valueFrom",
    ),
    Validation(
        "has(self.operator) && self.operator == 'DecreasedBy' ? has(self.percent) : !has(self.percent)",
        "percent belongs to DecreasedBy, which needs it: set both or neither",
    ),
    Validation(
        f"!has(self.order) || has(self.operator) && self.operator in {_quoted(taking('order'))}",
        f"order says what is more and what is less: remove it, or use one of {', '.join(taking('order'))}",
    ),
    Validation(
        f"!has(self.missingAs) || has(self.operator) && self.operator in {_quoted(taking('missingAs'))}",
        "missingAs stands in for an absent old or new value: remove it, or use one of "
        + ", ".join(taking("missingAs")),
    ),
)

WHOLE_TEST = Validation("has(self.field) && has(self.operator)", TEST_VALIDATIONS[0].message)
"""Where nothing else may stand in place of a test, an empty one is none either."""


def test_flaws(raw: Raw) -> Iterator[Flaw]:
    """What is wrong between the fields of one test, in the words of the CEL above."""
    both, needs, takes_none, one, percent, order, missing = (validation.message for validation in TEST_VALIDATIONS)
    operator = raw.get("operator")
    if given(raw, "field") != given(raw, "operator"):
        yield Flaw((), both)
    if not given(raw, "operator"):
        alone = (("percent", percent), ("order", order), ("missingAs", missing))
        yield from (Flaw((), message) for option, message in alone if given(raw, option))
    shape = SHAPES.get(operator) if isinstance(operator, str) else None
    if shape is None:
        return
    operands = [name for name in _OPERANDS if given(raw, name)]
    values = raw.get("values")
    if shape.operand == "None" and operands:
        yield Flaw((), takes_none)
    elif shape.operand != "None" and len(operands) != 1:
        yield Flaw((), needs)
    elif shape.operand == "One" and (operands == ["list"] or (isinstance(values, list) and len(values) != 1)):
        yield Flaw((), one)
    if given(raw, "percent") != (operator == "DecreasedBy"):
        yield Flaw((), percent)
    for option, message in (("order", order), ("missingAs", missing)):
        if given(raw, option) and option not in shape.options:
            yield Flaw((), message)


class FieldTest(Model):
    """One test of one field. Absent fields fail positive operators and pass negated ones; unknown stays unknown."""

    validations: ClassVar[tuple[Validation, ...]] = (WHOLE_TEST, *TEST_VALIDATIONS[1:])
    alternatives: ClassVar[tuple[tuple[str, ...], ...]] = (("field", "operator"),)
    brief: ClassVar[Mapping[str, str]] = {
        "field": "What is looked at; inside forAny, $ is the element.",
        "operator": "How it is compared; each operator is explained at rules.where.operator.",
        "values": "Operands, always strings.",
        "list": "Name of a list whose values are the operands.",
        "valueFrom": "Another field whose value is the operand.",
        "percent": "DecreasedBy: the least decrease, in percent.",
        "order": "Words from least to greatest.",
        "missingAs": "What an absent old or new value counts as.",
    }

    field: Path | None = Field(
        default=None,
        description=(
            "What is looked at, e.g. actor.id, target.name, object.spec.paused, changes. Inside forAny: $ is the "
            "element, "
            "$.path a field of it. List elements stand by key or index: spec.actions[export].retention.daily."
        ),
    )
    operator: Operator | None = Field(
        default=None,
        description=explained("How it is compared. Values:", {name: shape.meaning for name, shape in SHAPES.items()}),
    )
    values: Annotated[tuple[Value, ...], Field(min_length=1, max_length=64)] | None = Field(
        default=None,
        description='Operands, always strings; the operator reads them as what they are: "7", "true", "240h", '
        '"10.0.0.0/8".',
    )
    list_name: Name | None = Field(
        default=None, alias="list", description="Name of a list whose values are the operands; instead of values."
    )
    value_from: Path | None = Field(
        default=None, description="Another field whose value is the operand; instead of values."
    )
    percent: Annotated[Int, Field(ge=1, le=100)] | None = Field(
        default=None, description="DecreasedBy only: the least decrease, in percent of the old value."
    )
    order: Annotated[tuple[Value, ...], Field(min_length=2, max_length=32)] | None = Field(
        default=None,
        description='Words from least to greatest, for values that are no numbers: ["@yearly", "@monthly", '
        '"@daily", "@hourly"].',
    )
    missing_as: Value | None = Field(
        default=None,
        description='What an absent old or new value counts as in Increased, Decreased and DecreasedBy, e.g. "0".',
    )

    @classmethod
    def checks(cls, raw: Raw, /) -> Iterator[Flaw]:
        """A macro's test: nothing but field and operator."""
        if not given(raw, "field") and not given(raw, "operator"):
            yield Flaw((), "a test has both: set field and operator")
        yield from test_flaws(raw)


def _kinds(*others: str) -> Validation:
    fields = ("field", *others)
    count = " + ".join(f"(has(self.{name}) ? 1 : 0)" for name in fields)
    return Validation(f"{count} == 1", _one_of(others))


def _one_of(others: tuple[str, ...]) -> str:
    *first, last = ("a test (field and operator)", *others)
    return f"an item is one thing: set exactly one of {', '.join(first)} and {last}"


class Term(FieldTest):
    """A test, or a macro in its place: what stands in the and-lists of anyOf and noneOf."""

    kinds: ClassVar[tuple[str, ...]] = ("macro",)
    validations: ClassVar[tuple[Validation, ...]] = (_kinds("macro"), *TEST_VALIDATIONS)
    alternatives: ClassVar[tuple[tuple[str, ...], ...]] = (("field", "operator"), ("macro",))

    macro: Name | None = Field(default=None, description="Name of a macro: its tests stand here.")

    @classmethod
    def checks(cls, raw: Raw, /) -> Iterator[Flaw]:
        """Exactly one kind of item, then the test's own checks; silent about kinds where a field is misspelt."""
        known = {info.alias for info in cls.model_fields.values()}
        kinds = [kind for kind in cls.kinds if given(raw, kind)]
        is_test = given(raw, "field") or given(raw, "operator")
        if known.issuperset(raw) and len(kinds) + is_test != 1:
            yield Flaw((), _one_of(cls.kinds))
        if kinds and not is_test and any(given(raw, name) for name in _OPERANDS):
            yield Flaw((), _NO_TEST)
        yield from test_flaws(raw)


AndList = Annotated[tuple[Term, ...], Field(min_length=1, max_length=8)]
Alternatives = Annotated[tuple[AndList, ...], Field(min_length=1, max_length=8)]


class ElementTerm(Term):
    """An item of the where of a forAny: a test of the element, a macro, or alternatives."""

    kinds: ClassVar[tuple[str, ...]] = ("macro", "anyOf")
    validations: ClassVar[tuple[Validation, ...]] = (_kinds("macro", "anyOf"), *TEST_VALIDATIONS)
    alternatives: ClassVar[tuple[tuple[str, ...], ...]] = (("field", "operator"), ("macro",), ("anyOf",))

    any_of: Alternatives | None = Field(default=None, description="And-lists of which at least one must hold.")


class ForAny(Model):
    """Holds if one element of a list passes all of its tests together."""

    path: Path = Field(description="The list, e.g. changes, or object.rules.")
    only: Only = Field(
        default="Any",
        description=explained("Which elements are looked at, compared with the old object. Values:", ONLY),
    )
    where: Annotated[tuple[ElementTerm, ...], Field(min_length=1, max_length=8)] = Field(
        description="Tests that one and the same element must pass."
    )


class Clause(ElementTerm):
    """An item of a where."""

    kinds: ClassVar[tuple[str, ...]] = ("macro", "anyOf", "noneOf", "forAny")
    validations: ClassVar[tuple[Validation, ...]] = (_kinds("macro", "anyOf", "noneOf", "forAny"), *TEST_VALIDATIONS)
    alternatives: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("field", "operator"), ("macro",), ("anyOf",), ("noneOf",), ("forAny",),
    )  # fmt: skip

    none_of: Alternatives | None = Field(default=None, description="And-lists none of which may hold.")
    for_any: ForAny | None = Field(
        default=None, description="Holds if one element of a list passes all of its tests together."
    )


Where = Annotated[tuple[Clause, ...], Field(min_length=1, max_length=16)]
"""An and-list."""
