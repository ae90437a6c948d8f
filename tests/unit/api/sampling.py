"""All models of the API, and values for their fields made from the schemas alone: in bounds, and just out of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from pydantic import BaseModel

from auditwatch.api.auditwatch import AuditWatch
from auditwatch.api.finding import K10SecurityFinding
from auditwatch.api.model import Model
from auditwatch.api.pack import Pack
from auditwatch.api.schema import structural
from auditwatch.api.structure import models_in

Schema = dict[str, Any]
_FIT = ("a", "1", "T1490", "UTC", "*", "A")
"""Between them they fit every pattern there is, which a test keeps."""
CHANGE = json.dumps({"resource": "namespaces", "old": None, "new": {}})
EVENT = json.dumps({"verb": "delete"})
IN_STRINGS = {"state": CHANGE, "events": EVENT, "event": EVENT}
"""Fields of a rule's test that hold JSON in strings."""
CHOICES: dict[frozenset[str], Schema] = {
    frozenset({"field", "operator"}): {"field": "a", "operator": "Exists"},
    frozenset({"match", "correlate"}): {"match": {"users": ["a"]}},
    frozenset({"rule", "tags"}): {"rule": "a"},
    frozenset({"severity", "mute"}): {"mute": True},
    frozenset({"event", "events"}): {"event": EVENT},
    frozenset({"users", "actors"}): {"users": ["a"]},
}
"""What to write beside the required fields where one of several has to be: by the fields that tell such a place."""


def reached(*roots: type[BaseModel]) -> list[type[Model]]:
    """The models and every model below them, each once, in order."""
    found: dict[type[BaseModel], None] = {}

    def visit(model: type[BaseModel]) -> None:
        if model not in found:
            found[model] = None
            for info in model.model_fields.values():
                for below in models_in(info.annotation):
                    visit(below)

    for root in roots:
        visit(root)
    return [model for model in found if issubclass(model, Model)]


MODELS = reached(AuditWatch, K10SecurityFinding, Pack)


@cache
def fields(model: type[Model]) -> dict[str, Schema]:
    """The schema of each field by its written name; made once, so not to be changed."""
    properties: dict[str, Schema] = structural(model)["properties"]
    return properties


def fitting(pattern: str) -> str:
    """A short text that fits."""
    return next(text for text in _FIT if re.search(pattern, text))


def sound(schema: Schema, name: str = "") -> Any:  # noqa: PLR0911 - one way out for each type is the plainest
    """The smallest value the schema takes."""
    if "enum" in schema:
        return schema["enum"][0]
    if name in IN_STRINGS and schema["type"] == "string":
        return IN_STRINGS[name]
    match schema["type"]:
        case "string" if schema.get("format") == "date-time":
            return "2026-01-01T00:00:00Z"
        case "string":
            return fitting(schema["pattern"]) if "pattern" in schema else "a"
        case "integer":
            return schema.get("minimum", 0)
        case "boolean":
            return True
        case "array":
            return [sound(schema["items"], name)] * max(1, schema.get("minItems", 0))
        case _:
            below = schema["properties"]
            chosen = next((choice for names, choice in CHOICES.items() if names <= below.keys()), {})
            return {**{field: sound(below[field], field) for field in schema.get("required", ())}, **chosen}


def full(schema: Schema, name: str = "") -> Any:
    """A value with every field there is, two items in each list that has room and need not tell them apart."""
    match schema.get("type"):
        case "object":
            return {field: full(below, field) for field, below in schema["properties"].items()}
        case "array":
            return [full(schema["items"], name)]
        case _:
            return sound(schema, name)


def beyond(schema: Schema, name: str = "") -> Iterator[tuple[Any, str]]:
    """Values just outside one bound, and what is to be said of each."""
    if "maxLength" in schema:
        yield "a" * (schema["maxLength"] + 1), f"must be at most {schema['maxLength']} characters long: shorten it"
    if schema.get("minLength"):
        yield "", "must not be empty"
    if "maxItems" in schema:
        limit = schema["maxItems"]
        items = [sound(schema["items"], name)] * (limit + 1)
        yield items, f"must have at most {limit} items, not {limit + 1}"
    if schema.get("minItems"):
        few = schema["minItems"] - 1
        items = [sound(schema["items"], name)] * few
        yield items, f"must have at least {schema['minItems']} items, not {few}"
    if "minimum" in schema:
        yield schema["minimum"] - 1, f"must be at least {schema['minimum']}, not {schema['minimum'] - 1}"
    if "maximum" in schema:
        yield schema["maximum"] + 1, f"must be at most {schema['maximum']}, not {schema['maximum'] + 1}"


def at_bounds(schema: Schema, name: str = "") -> Iterator[Any]:
    """Values that just fit."""
    if "maxLength" in schema and "pattern" not in schema and name not in IN_STRINGS:
        yield "a" * schema["maxLength"]
    if "maxItems" in schema and "enum" not in schema["items"]:
        yield [sound(schema["items"], name)] * schema["maxItems"]
    yield from (schema[bound] for bound in ("minimum", "maximum") if bound in schema)
