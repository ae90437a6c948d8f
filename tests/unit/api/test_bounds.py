"""Every bound of every field: what a server refuses by the schema, the operator refuses with the bound in its words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from auditwatch.api.auditwatch import WatchSpec
from auditwatch.api.model import Model
from auditwatch.api.pack import Pack
from auditwatch.api.problems import validate
from auditwatch.api.rules import Rule
from auditwatch.api.schema import structural
from tests.unit.api.sampling import MODELS, Schema, at_bounds, beyond, fields

WRONG_TYPES: dict[str, tuple[Any, str]] = {
    "string": (7, "must be a string: write it in quotes, not 7"),
    "integer": ("7", 'must be a whole number, not "7"'),
    "boolean": ("yes", 'must be true or false, not "yes"'),
    "array": ("x", 'must be a list, not "x"'),
    "object": (7, "must be an object with fields, not 7"),
}
"""A wrong value by the type that is right, and what is said of it."""

LISTS_OF_A_WATCH = {
    "sources": (1, 16),
    "packs": (0, 8),
    "packs[].disable": (0, 128),
    "packs[].overrides": (0, 128),
    "lists": (0, 64),
    "lists[].values": (0, 512),
    "macros": (0, 64),
    "macros[].where": (1, 16),
    "rules": (0, 64),
}
LISTS_OF_A_RULE = {
    "severityWhen": (0, 8),
    "severityWhen[].where": (1, 16),
    "tags": (0, 16),
    "attack": (0, 8),
    "replaces": (0, 8),
    "match.apiGroups": (1, 16),
    "match.resources": (1, 16),
    "match.verbs": (1, 12),
    "match.names": (1, 32),
    "match.actors": (1, 32),
    "match.outcomes": (1, 6),
    "match.evidence": (1, 3),
    "where": (1, 16),
    "where[].values": (1, 64),
    "where[].order": (2, 32),
    "where[].anyOf": (1, 8),
    "where[].anyOf[]": (1, 8),
    "where[].noneOf": (1, 8),
    "where[].forAny.where": (1, 8),
    "where[].forAny.where[].anyOf[]": (1, 8),
    "except": (0, 16),
    "except[].via": (1, 5),
    "except[].where": (1, 16),
    "requiresFields": (0, 8),
    "finding.groupBy": (1, 8),
    "correlate.of": (1, 16),
    "correlate.of[].tags": (1, 8),
    "correlate.groupBy": (1, 8),
    "correlate.conditions": (1, 1),
    "tests": (0, 32),
    "tests[].state": (1, 64),
    "tests[].events": (1, 64),
}
NUMBERS_OF_A_RULE = {
    "settleSeconds": (0, 600),
    "where[].percent": (1, 100),
    "except[].upTo.count": (1, 1_000_000),
    "except[].upTo.perSeconds": (1, 86_400),
    "correlate.timespanSeconds": (1, 86_400),
    "correlate.conditions[].gte": (1, 1_000_000),
    "tests[].count": (0, 1_000_000),
}
"""The bounds are API: they may be widened, and whoever narrows one takes rules of people out of force."""


def places(schema: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    yield path, schema
    for name, below in schema.get("properties", {}).items():
        yield from places(below, f"{path}.{name}" if path else name)
    if "items" in schema:
        yield from places(schema["items"], f"{path}[]")


def said_of(model: type[Model], field: str, value: object) -> list[str]:
    """What is said of one field itself, where it alone is written."""
    return [problem.message for problem in validate(model, {field: value})[1] if problem.path == field]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_a_value_just_beyond_a_bound_is_refused_with_the_bound(model: type[Model]) -> None:
    silent = [
        (field, message)
        for field, schema in fields(model).items()
        for value, message in beyond(schema, field)
        if message not in said_of(model, field, value)
    ]
    assert silent == []


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_a_value_just_within_a_bound_is_not_refused_for_it(model: type[Model]) -> None:
    refused = [
        (field, message)
        for field, schema in fields(model).items()
        for value in at_bounds(schema, field)
        for message in said_of(model, field, value)
        if message.startswith("must")
    ]
    assert refused == []


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_a_value_of_the_wrong_type_is_refused_with_the_right_one(model: type[Model]) -> None:
    silent = []
    for field, schema in fields(model).items():
        value, message = WRONG_TYPES[schema["type"]]
        if "enum" not in schema and schema.get("format") != "date-time" and message not in said_of(model, field, value):
            silent.append((field, said_of(model, field, value)))
    assert silent == []


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_a_time_is_refused_unless_it_says_its_offset(model: type[Model]) -> None:
    for field, schema in fields(model).items():
        if schema.get("format") == "date-time":
            for value in ("2026-01-01T00:00:00", "2026-01-01", "soon", 1_767_225_600, True):
                (message,) = said_of(model, field, value)
                assert message == 'must be a time with its offset, like "2027-06-30T00:00:00Z"', (field, value)
            assert said_of(model, field, "2026-01-01T02:00:00+02:00") == [], field


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_a_field_that_is_required_is_asked_for(model: type[Model]) -> None:
    missing = {problem.path for problem in validate(model, {})[1] if problem.message == "required: add it"}
    assert missing == set(structural(model).get("required", []))


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_a_word_of_no_pattern_is_shown_with_what_it_should_be(model: type[Model]) -> None:
    for field, schema in fields(model).items():
        if "pattern" in schema:
            (message,) = said_of(model, field, "-$-")
            assert message.startswith('"-$-" is no name') or message == f'"-$-" does not match {schema["pattern"]}'


def test_a_watch_has_room_for_as_much_as_was_promised() -> None:
    at = dict(places(structural(WatchSpec)))
    found = {path: (at[path].get("minItems", 0), at[path]["maxItems"]) for path in LISTS_OF_A_WATCH}
    assert found == LISTS_OF_A_WATCH


def test_a_rule_has_room_for_as_much_as_was_promised() -> None:
    at = dict(places(structural(Rule)))
    lists = {path: (at[path].get("minItems", 0), at[path]["maxItems"]) for path in LISTS_OF_A_RULE}
    numbers = {path: (at[path]["minimum"], at[path]["maximum"]) for path in NUMBERS_OF_A_RULE}
    assert lists == LISTS_OF_A_RULE
    assert numbers == NUMBERS_OF_A_RULE


def test_a_pack_has_room_for_more_rules_than_a_watch() -> None:
    assert fields(Pack)["rules"]["maxItems"] == 1024


def test_how_findings_are_kept_has_its_bounds() -> None:
    findings = fields(WatchSpec)["findings"]["properties"]
    assert [findings["reopenAfterSeconds"][bound] for bound in ("minimum", "maximum")] == [60, 31_536_000]
    assert [findings["maxPerRule"][bound] for bound in ("minimum", "maximum")] == [1, 10_000]
