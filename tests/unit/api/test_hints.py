"""Typos: whatever is misspelt, however deep it stands, the name that was meant is told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from auditwatch.api.auditwatch import WatchSpec
from auditwatch.api.model import Model
from auditwatch.api.parse import parse_watch
from auditwatch.api.problems import nearest, validate
from auditwatch.api.ruletests import _EVENT_FIELDS
from auditwatch.api.structure import fields_at
from tests.unit.api.rules import MATCH, STORY, TEST, rule, said
from tests.unit.api.sampling import EVENT, MODELS, fields


def doubled(word: str) -> str:
    """A typo: the middle letter twice."""
    middle = len(word) // 2
    return word[: middle + 1] + word[middle:]


def shortened(word: str) -> str:
    """Another: the middle letter missing."""
    middle = len(word) // 2
    return word[:middle] + word[middle + 1 :]


def of(path: str, raw: dict[str, Any]) -> list[str]:
    return [message for message in said(raw) if message.startswith(f"{path}:")]


@pytest.mark.parametrize("misspelt", [doubled, shortened, str.upper])
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_a_misspelt_field_is_told_with_the_one_that_was_meant(model: type[Model], misspelt: Any) -> None:
    for name in fields(model):
        written = misspelt(name) if len(name) > 3 else name
        if written not in fields(model):
            said_of = {problem.path: problem.message for problem in validate(model, {written: 1})[1]}
            assert said_of[written] == f"unknown field; did you mean {name}?"


@pytest.mark.parametrize("misspelt", [doubled, str.upper, str.lower])
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_a_misspelt_word_is_told_with_the_one_that_was_meant_and_all_there_are(
    model: type[Model], misspelt: Any
) -> None:
    for field, schema in fields(model).items():
        listed = schema["type"] == "array"
        words = [str(word) for word in (schema["items"] if listed else schema).get("enum", ())]
        for word in words:
            written = misspelt(word)
            if written not in words and len(word) > 1:
                path = f"{field}[0]" if listed else field
                raw = {field: [written] if listed else written}
                found = {problem.path: problem.message for problem in validate(model, raw)[1]}
                assert found[path] == (
                    f'unsupported value "{written}"; did you mean {word}?; supported are {", ".join(words)}'
                )


@pytest.mark.parametrize(
    ("path", "raw"),
    [
        ("match.verbz", rule(match={**MATCH, "verbz": ["get"]})),
        ("where[0].operater", rule(where=[{**TEST, "operater": "In"}])),
        ("where[0].anyOf[0][0].feild", rule(where=[{"anyOf": [[{"macro": "m", "feild": "a"}]]}])),
        ("where[0].noneOf[0][1].macros", rule(where=[{"noneOf": [[TEST, {"macros": "m"}]]}])),
        ("where[0].forAny.were", rule(where=[{"forAny": {"path": "changes", "were": []}}])),
        ("where[0].forAny.where[0].anyof", rule(where=[{"forAny": {"path": "c", "where": [{"anyof": []}]}}])),
        (
            "where[0].forAny.where[0].anyOf[0][0].valueform",
            rule(where=[{"forAny": {"path": "c", "where": [{"anyOf": [[{**TEST, "valueform": "x"}]]}]}}]),
        ),
        ("severityWhen[0].sevrity", rule(severityWhen=[{"sevrity": "High", "where": [TEST]}])),
        ("except[0].upTo.perSecond", rule(**{"except": [{"upTo": {"count": 1, "perSecond": 1}}]})),
        ("except[0].reson", rule(**{"except": [{"reson": "known"}]})),
        ("correlate.of[0].rul", rule(match=None, correlate={**STORY, "of": [{"rul": "a"}]})),
        ("correlate.conditions[0].gt", rule(match=None, correlate={**STORY, "conditions": [{"gt": 1}]})),
        ("correlate.count.summ", rule(match=None, correlate={**STORY, "count": {"summ": "target.count"}})),
        ("finding.groupby", rule(finding={"groupby": []})),
        ("onUnknown.titel", rule(onUnknown={"titel": "x"})),
        ("tests[0].evidense", rule(tests=[{"name": "t", "event": EVENT, "expect": "Match", "evidense": "State"}])),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_typo_is_helped_at_every_depth_of_a_rule(path: str, raw: dict[str, Any]) -> None:
    (message,) = of(path, raw)
    assert "unknown field; did you mean" in message


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"packs": [{"name": "p", "disabled": []}]}, "spec.packs[0].disabled: unknown field; did you mean disable?"),
        (
            {"packs": [{"name": "p", "overrides": [{"rule": "r", "mute": True, "serverity": "Low"}]}]},
            "spec.packs[0].overrides[0].serverity: unknown field; did you mean severity?",
        ),
        ({"lists": [{"name": "l", "value": []}]}, "spec.lists[0].value: unknown field; did you mean values?"),
        (
            {"macros": [{"name": "m", "where": [{**TEST, "vales": ["x"]}]}]},
            "spec.macros[0].where[0].vales: unknown field; did you mean values?",
        ),
        (
            {"findings": {"minSeverty": "Low"}},
            "spec.findings.minSeverty: unknown field; did you mean minSeverity?",
        ),
        ({"timezone": "UTC"}, "spec.timezone: unknown field; did you mean timeZone?"),
        (
            {"rules": [rule(confidence="low")]},
            'spec.rules[0].confidence: unsupported value "low"; did you mean Low?; supported are Low, Medium, High',
        ),
    ],
    ids=lambda value: value.partition(":")[0] if isinstance(value, str) else "",
)
def test_a_typo_is_helped_at_every_depth_of_a_watch(spec: dict[str, Any], message: str) -> None:
    assert message in [str(problem) for problem in parse_watch({"spec": spec}).problems]


@pytest.mark.parametrize("place", _EVENT_FIELDS)
def test_a_misspelt_field_of_an_audit_event_is_told_with_the_one_that_was_meant(place: str) -> None:
    for name in _EVENT_FIELDS[place]:
        written = doubled(name)
        event: dict[str, Any] = {"verb": "get", **({place: {written: 1}} if place else {written: 1})}
        test = {"name": "t", "expect": "Match", "event": json.dumps(event)}
        path = f"{place}.{written}" if place else written
        (message,) = of("tests[0].event", rule(tests=[test]))
        assert message == f"tests[0].event: {path}: an audit event has no such field; did you mean {name}?"


def test_known_fields_are_those_of_the_place_and_no_others() -> None:
    assert fields_at(WatchSpec, ()) == set(fields(WatchSpec))
    assert fields_at(WatchSpec, ("packs", 0, "overrides", 3)) == {"rule", "severity", "mute"}
    assert fields_at(WatchSpec, ("rules", 0, "correlate", "conditions", 0)) == {"gte"}
    assert fields_at(WatchSpec, ("rules", 1, "where", 0, "forAny")) == {"path", "only", "where"}
    assert "forAny" not in fields_at(WatchSpec, ("rules", 1, "where", 0, "forAny", "where", 0))


def test_below_what_is_no_object_nothing_is_known() -> None:
    assert fields_at(WatchSpec, ("paused",)) == set()
    assert fields_at(WatchSpec, ("nowhere", 0, "name")) == set()


def test_of_several_like_words_the_likest_is_meant() -> None:
    assert nearest("userGroup", ["users", "userGroups", "userAgents"]) == "; did you mean userGroups?"
    assert nearest("", ["a"]) == ""
