"""The operators of a test and the operands each takes, in one table.

The parser's checks, the CRD's CEL and the engine's compiler all read it, so they cannot disagree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Operator = Literal[
    "Equals", "NotEquals", "In", "NotIn", "Exists", "DoesNotExist", "IsUnknown",
    "StartsWith", "EndsWith", "Contains", "Glob", "Matches", "InCIDR", "NotInCIDR",
    "GreaterThan", "LessThan", "Before", "After",
    "HasAny", "HasAll", "HasNone", "HasOnly",
    "Changed", "ChangedTo", "ChangedFrom", "Appeared", "Disappeared", "ElementsAdded", "ElementsRemoved",
    "Increased", "Decreased", "DecreasedBy",
]  # fmt: skip

Operand = Literal["None", "One", "Many"]
Subject = Literal["Value", "List", "Change"]


@dataclass(frozen=True, slots=True)
class Shape:
    """What one operator is about, and what it is given."""

    operator: Operator
    subject: Subject
    operand: Operand
    meaning: str
    options: tuple[Literal["percent", "order", "missingAs"], ...] = ()


_ORDERED: tuple[Literal["percent", "order", "missingAs"], ...] = ("order", "missingAs")

_TABLE = (
    Shape("Equals", "Value", "One", "the value is this one"),
    Shape("NotEquals", "Value", "One", "the value is not this one"),
    Shape("In", "Value", "Many", "the value is one of these"),
    Shape("NotIn", "Value", "Many", "the value is none of these"),
    Shape("Exists", "Value", "None", "the field is there"),
    Shape("DoesNotExist", "Value", "None", "its container was seen and the field is not there"),
    Shape("IsUnknown", "Value", "None", "nobody saw the field"),
    Shape("StartsWith", "Value", "Many", "the text starts with one of these"),
    Shape("EndsWith", "Value", "Many", "the text ends with one of these"),
    Shape("Contains", "Value", "Many", "the text contains one of these"),
    Shape("Glob", "Value", "Many", "the text fits one of these, * any characters, ? one"),
    Shape("Matches", "Value", "Many", "the text holds one of these RE2 expressions"),
    Shape("InCIDR", "Value", "Many", "the address is in one of these networks"),
    Shape("NotInCIDR", "Value", "Many", "the address is in none of these networks"),
    Shape("GreaterThan", "Value", "One", "the number, duration or frequency is greater", ("order",)),
    Shape("LessThan", "Value", "One", "the number, duration or frequency is less", ("order",)),
    Shape("Before", "Value", "One", "the time is earlier; event+72h counts from the event"),
    Shape("After", "Value", "One", "the time is later; event+72h counts from the event"),
    Shape("HasAny", "List", "Many", "the list has at least one of these"),
    Shape("HasAll", "List", "Many", "the list has all of these"),
    Shape("HasNone", "List", "Many", "the list has none of these"),
    Shape("HasOnly", "List", "Many", "the list has nothing else than these"),
    Shape("Changed", "Change", "None", "old and new differ"),
    Shape("ChangedTo", "Change", "Many", "it changed and is now one of these"),
    Shape("ChangedFrom", "Change", "Many", "it changed and was one of these"),
    Shape("Appeared", "Change", "None", "it was absent and is there"),
    Shape("Disappeared", "Change", "None", "it was there and is absent"),
    Shape("ElementsAdded", "Change", "None", "the list gained elements"),
    Shape("ElementsRemoved", "Change", "None", "the list lost elements"),
    Shape("Increased", "Change", "None", "it is greater than it was", _ORDERED),
    Shape("Decreased", "Change", "None", "it is less than it was", _ORDERED),
    Shape("DecreasedBy", "Change", "None", "it is less by at least this percentage", ("percent", *_ORDERED)),
)

SHAPES: dict[str, Shape] = {shape.operator: shape for shape in _TABLE}
"""By operator; complete, which a test keeps."""

OPERATORS: tuple[Operator, ...] = get_args(Operator)
NO_OPERAND = tuple(shape.operator for shape in _TABLE if shape.operand == "None")
ONE_OPERAND = tuple(shape.operator for shape in _TABLE if shape.operand == "One")


def taking(option: Literal["percent", "order", "missingAs"]) -> tuple[Operator, ...]:
    """The operators that understand an option."""
    return tuple(shape.operator for shape in _TABLE if option in shape.options)
