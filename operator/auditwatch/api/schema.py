"""From pydantic's JSON schema to the structural schema a CustomResourceDefinition may hold.

Structural means: no references, no unions of shapes, no titles; one type per place. What JSON schema has no words for
(CEL, list types) comes from the model classes, which their schemas carry along (see ``model.MODEL``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from pydantic import BaseModel

from auditwatch.api.model import MODEL, Model, Validation

Schema = dict[str, Any]

CEL_REPETITIONS = 1024
"""Where an object may occur more often than this in one resource, its CEL gives way to ``oneOf``: the server estimates
a rule's cost times the product of all maxItems above it, and refuses more than 10 million per rule (Kubernetes'
StaticEstimatedCostLimit)."""

_KEPT = ("type", "format", "pattern", "enum", "minLength", "maxLength", "minItems", "maxItems", "minimum", "maximum")


def structural(model: type[BaseModel]) -> Schema:
    """The structural schema of a whole model, every reference inlined."""
    schema = model.model_json_schema(by_alias=True, mode="validation")
    return _Renderer(schema.pop("$defs", {})).render(schema, repetitions=1)


class _Renderer:
    def __init__(self, definitions: Mapping[str, Schema]) -> None:
        self._definitions = definitions

    def render(self, source: Schema, *, repetitions: int) -> Schema:
        """One place; ``repetitions`` is how often it may occur in one resource."""
        source = self._resolve(source)
        target: Schema = {key: deepcopy(source[key]) for key in ("description", *_KEPT) if key in source}
        target.update(_value(source))
        if source.get("type") == "array":
            target["items"] = self.render(source["items"], repetitions=repetitions * source["maxItems"])
            target["x-kubernetes-list-type"] = "atomic"
        elif source.get("type") == "object":
            target.update(self._object(source, repetitions))
        return target

    def _resolve(self, source: Schema) -> Schema:
        """Follow references and drop the null of optional fields; what is said nearer the field wins."""
        while "$ref" in source or "anyOf" in source:
            inner = (
                _not_null(source["anyOf"]) if "anyOf" in source else self._definitions[source["$ref"].rsplit("/", 1)[1]]
            )
            outer = {key: value for key, value in source.items() if key not in {"$ref", "anyOf"}}
            source = {**inner, **outer}
        return source

    def _object(self, source: Schema, repetitions: int) -> Iterator[tuple[str, Any]]:
        model: type[Model] = source[MODEL]
        properties = {name: self.render(field, repetitions=repetitions) for name, field in source["properties"].items()}
        if repetitions > CEL_REPETITIONS:
            for name, description in model.brief.items():
                properties[name]["description"] = description
        for name, key in model.keyed.items():
            properties[name].update({"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key]})
        for name in model.distinct:
            properties[name]["x-kubernetes-list-type"] = "set"
        yield "properties", properties
        if source.get("required"):
            yield "required", sorted(source["required"])
        yield from _rules(model, repetitions)


def _rules(model: type[Model], repetitions: int) -> Iterator[tuple[str, Any]]:
    if repetitions <= CEL_REPETITIONS:
        if model.validations:
            yield "x-kubernetes-validations", [_cel(validation) for validation in model.validations]
    elif len(model.alternatives) == 1:
        yield "required", sorted(model.alternatives[0])
    elif model.alternatives:
        yield "oneOf", [{"required": sorted(names)} for names in model.alternatives]


def _cel(validation: Validation) -> Schema:
    rule = {"rule": validation.rule, "message": validation.message}
    return {**rule, "fieldPath": validation.field_path} if validation.field_path else rule


def _not_null(shapes: list[Schema]) -> Schema:
    (shape,) = (shape for shape in shapes if shape != {"type": "null"})
    return shape


def _value(source: Schema) -> Iterator[tuple[str, Any]]:
    """Single values, whole numbers and defaults, as structural schemas write them."""
    if "const" in source:
        yield "enum", [source["const"]]
    if source.get("type") == "integer":
        yield "format", "int64"
    if "default" in source and source["default"] not in (None, "", []):
        yield "default", _minimal(source["default"])


def _minimal(default: Any) -> Any:
    """A default without what the defaults inside it say already."""
    if isinstance(default, dict):
        return {key: _minimal(value) for key, value in default.items() if value not in (None, "", [])}
    return [_minimal(item) for item in default] if isinstance(default, list) else default
