"""Defaults and round trips: what a server fills in, what the operator assumes, and what comes back are the same."""

from __future__ import annotations

from typing import Any

import pytest

from auditwatch.api.auditwatch import AuditWatch, FindingPolicy, PackReference, WatchSpec
from auditwatch.api.correlate import Correlate
from auditwatch.api.exceptions import RuleException
from auditwatch.api.finding import FindingSpec, FindingTarget, K10SecurityFinding, Triage
from auditwatch.api.findingstatus import ACTOR_WIDTH, TARGET_WIDTH, FindingStatus
from auditwatch.api.match import DEFAULT_OUTCOMES, Match
from auditwatch.api.model import Model
from auditwatch.api.parse import parse_watch
from auditwatch.api.problems import validate
from auditwatch.api.rules import DEFAULT_GROUP_BY, OnUnknown, Rule
from auditwatch.api.ruletests import RuleTest
from auditwatch.api.schema import structural
from auditwatch.api.watchstatus import VisibilityCount, WatchStatus
from auditwatch.api.where import ForAny
from tests.unit.api.rules import MATCH, STORY, TEST
from tests.unit.api.sampling import MODELS, fields, full, sound

WRITTEN_BACK = (WatchStatus, FindingStatus, FindingSpec, Triage, K10SecurityFinding, FindingPolicy, PackReference)
DEFAULTS: dict[type[Model], dict[str, Any]] = {
    PackReference: {"version": "1"},
    FindingPolicy: {"minSeverity": "Low", "reopenAfterSeconds": 86_400, "maxPerRule": 500},
    WatchSpec: {"paused": False, "k10Name": "default", "sources": ["*"], "timeZone": "UTC"},
    Rule: {"severity": "Medium", "confidence": "Medium", "emit": "Finding", "settleSeconds": 0},
    Match: {"outcomes": ["Succeeded", "Unknown"]},
    OnUnknown: {"severity": "Low"},
    ForAny: {"only": "Any"},
    Correlate: {"missingKey": "OwnGroup"},
    RuleException: {"effect": "Mute", "trustFieldManagers": False},
    RuleTest: {"evidence": "Audited"},
    FindingSpec: {"epoch": 1},
    Triage: {"state": "New"},
    VisibilityCount: {"full": 0, "partial": 0, "blind": 0},
}
"""Defaults are API: what somebody left out keeps its meaning for good."""


def loaded(model: type[Model], raw: Any) -> Model:
    found, problems = validate(model, raw)
    assert found is not None, problems
    return found


def written(model: Model) -> dict[str, Any]:
    return model.model_dump(mode="json", by_alias=True, exclude_unset=True)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_defaults_of_single_fields_stay_what_they_were(model: type[Model]) -> None:
    single = {
        name: schema["default"]
        for name, schema in fields(model).items()
        if "default" in schema and not isinstance(schema["default"], dict)
    }
    if model is WatchSpec:
        assert single.pop("packs") == [{"name": "k10-baseline", "version": "1"}]
    assert single == DEFAULTS.get(model, {})


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_what_the_server_fills_in_is_what_the_operator_assumes(model: type[Model]) -> None:
    for name, info in model.model_fields.items():
        schema = fields(model)[str(info.alias)]
        if "default" in schema:
            given = model.model_construct(**{name: info.get_default()}).model_dump(mode="json", by_alias=True)
            filled, problems = validate(model, {**sound(structural(model)), str(info.alias): schema["default"]})
            assert filled is not None, problems
            assert filled.model_dump(mode="json", by_alias=True)[str(info.alias)] == given[str(info.alias)]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_a_field_is_required_or_has_a_default_or_may_be_absent(model: type[Model]) -> None:
    required = set(structural(model).get("required", ()))
    for info in model.model_fields.values():
        assert (str(info.alias) in required) == info.is_required()
        if info.alias in required:
            assert "default" not in fields(model)[str(info.alias)]


@pytest.mark.parametrize("model", WRITTEN_BACK, ids=lambda model: model.__name__)
def test_an_object_with_every_field_comes_back_as_it_was_written(model: type[Model]) -> None:
    raw = full(structural(model))
    assert set(raw) == set(fields(model))
    assert written(loaded(model, raw)) == raw


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_what_was_written_is_read_again_as_the_same(model: type[Model]) -> None:
    first = loaded(model, sound(structural(model)))
    again = loaded(model, first.model_dump(mode="json", by_alias=True, exclude_unset=True))
    assert again == first


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_python_names_are_no_names_outside(model: type[Model]) -> None:
    for name, info in model.model_fields.items():
        if name != info.alias:
            _, problems = validate(model, {name: None})
            assert [problem.message for problem in problems if problem.path == name], name


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_nothing_read_can_be_changed(model: type[Model]) -> None:
    one = loaded(model, sound(structural(model)))
    name = next(iter(type(one).model_fields))
    with pytest.raises(ValueError, match="frozen"):
        setattr(one, name, None)


def test_an_empty_watch_and_one_with_the_servers_defaults_are_the_same() -> None:
    defaults = structural(AuditWatch)["properties"]["spec"]["default"]
    assert parse_watch({"spec": defaults}).spec == parse_watch({}).spec
    assert parse_watch({"spec": defaults}).problems == ()


def test_the_servers_defaults_of_a_watch_say_nothing_twice() -> None:
    defaults = structural(AuditWatch)["properties"]["spec"]["default"]
    assert set(defaults) == {"paused", "k10Name", "sources", "timeZone", "packs", "findings"}
    assert "namespace" not in defaults["findings"]


def test_a_rule_that_says_nothing_of_outcomes_looks_at_what_was_done_or_may_have_been() -> None:
    assert Match(users=("eve",)).outcomes == DEFAULT_OUTCOMES == ("Succeeded", "Unknown")
    assert DEFAULT_GROUP_BY == ("target.resource", "target.namespace", "target.name")


def test_a_story_and_a_match_rule_with_everything_are_read_and_written_back() -> None:
    exception = {"name": "known", "reason": "reviewed", "where": [TEST], "via": ["Direct"], "effect": "Mute"}
    common: dict[str, Any] = {
        "title": "t",
        "severity": "High",
        "tags": ["a"],
        "attack": ["T1490.001"],
        "except": [exception],
    }
    for raw in (
        {"name": "m", "match": MATCH, "where": [TEST], "onUnknown": {"title": "?"}, "settleSeconds": 5, **common},
        {"name": "s", "correlate": {**STORY, "groupBy": ["actor.id"], "count": {"sum": "target.count"}}, **common},
    ):
        assert written(loaded(Rule, raw)) == raw


def test_what_kubectl_shows_of_a_finding_is_bounded_by_the_width_of_a_terminal() -> None:
    summary = fields(FindingStatus)["summary"]["properties"]
    assert (summary["actor"]["maxLength"], summary["target"]["maxLength"]) == (ACTOR_WIDTH, TARGET_WIDTH) == (16, 17)


def test_an_object_of_no_namespace_and_the_core_group_is_a_target_without_either() -> None:
    assert FindingTarget() == loaded(FindingTarget, {"group": "", "namespace": ""})
