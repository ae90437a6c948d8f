"""The rule language as written by people: what is taken, what is filled in, and what is refused with which words."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from auditwatch.api.match import Match
from tests.unit.api.rules import MATCH, STORY, TEST, rule, said, sound

FULL: dict[str, Any] = {
    "name": "retention-cut",
    "title": "{actor.id} cut the retention of {target.name}",
    "description": "Restore points expire earlier.",
    "severity": "Medium",
    "severityWhen": [
        {
            "severity": "High",
            "where": [
                {
                    "forAny": {
                        "path": "changes",
                        "only": "Any",
                        "where": [
                            {"field": "$.path", "operator": "Glob", "values": ["spec.retention.*"]},
                            {"field": "$", "operator": "DecreasedBy", "percent": 50, "missingAs": "0"},
                        ],
                    }
                }
            ],
        }
    ],
    "confidence": "High",
    "emit": "Finding",
    "tags": ["expiry-weakened", "weakening"],
    "attack": ["T1490", "T1562.001"],
    "runbook": "retention-cut",
    "remediation": "Set the former numbers again.",
    "replaces": ["retention-lowered"],
    "match": {
        **MATCH,
        "verbs": ["update", "patch"],
        "outcomes": ["Any"],
        "evidence": ["Audited", "K10Stream", "State"],
    },
    "where": [
        {"macro": "by-people"},
        {"anyOf": [[TEST], [{"macro": "other"}, TEST]]},
        {"noneOf": [[{"field": "target.namespace", "operator": "In", "list": "scratch"}]]},
        {"forAny": {"path": "changes", "only": "New", "where": [{"anyOf": [[TEST]]}, {"macro": "m"}]}},
        {"field": "$", "operator": "Decreased", "order": ["@yearly", "@daily"]},
        {"field": "actor.id", "operator": "NotEquals", "valueFrom": "object.metadata.name"},
    ],
    "onUnknown": {"severity": "Low", "title": "{target.name} changed"},
    "except": [
        {
            "name": "gitops",
            "reason": "reviewed in Git",
            "expirationTime": "2027-06-30T00:00:00Z",
            "effect": "Mute",
            "upTo": {"count": 20, "perSeconds": 3600},
            "where": [{"field": "actor.id", "operator": "In", "list": "gitops"}],
            "via": ["Direct"],
            "trustFieldManagers": True,
        }
    ],
    "finding": {"groupBy": ["target.resource", "target.name"]},
    "tests": [{"name": "cut", "state": ['{"resource":"a/b","old":{},"new":null}'], "expect": "Match", "count": 1}],
}


def test_every_field_of_the_language_is_read_and_written_back_unchanged() -> None:
    assert sound(FULL).model_dump(mode="json", by_alias=True, exclude_unset=True) == FULL


def test_a_story_with_every_field_is_read_and_written_back_unchanged() -> None:
    story = {**STORY, "groupBy": ["actor.id"], "count": {"sum": "target.count"}, "missingKey": "OwnGroup"}
    raw = {"name": "many", "severity": "Critical", "correlate": story}
    assert sound(raw).model_dump(mode="json", by_alias=True, exclude_unset=True) == raw


def test_a_count_of_values_is_read_and_written_back_unchanged() -> None:
    story = {**STORY, "type": "valueCount", "value": ["request.verb", "target.resource"]}
    raw = {"name": "many", "severity": "Critical", "correlate": story}
    assert sound(raw).model_dump(mode="json", by_alias=True, exclude_unset=True) == raw


def test_a_short_rule_gets_its_defaults() -> None:
    parsed = sound(rule())
    assert (parsed.severity, parsed.confidence, parsed.emit) == ("Medium", "Medium", "Finding")
    assert parsed.match is not None
    assert parsed.match.outcomes == ("Succeeded", "Unknown")
    assert parsed.match.evidence is None
    assert (parsed.exceptions, parsed.tests, parsed.severity_when) == ((), (), ())


def test_a_rule_cannot_be_changed_once_it_is_read() -> None:
    parsed = sound(rule())
    with pytest.raises(ValidationError, match="frozen"):
        setattr(parsed, "name", "other")  # noqa: B010  # an assignment would not pass the type checker


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (rule(match=None), "a rule is one kind: set exactly one of match and correlate"),
        (rule(correlate=STORY), "a rule is one kind: set exactly one of match and correlate"),
        (
            {"name": "s", "correlate": STORY, "where": [TEST]},
            "where, onUnknown and settleSeconds belong to match: move them to the rules that are counted",
        ),
        (rule(name="Policy_Paused"), 'name: "Policy_Paused" is no name: use lower-case letters, digits and hyphens'),
        (
            rule(severity="high"),
            'severity: unsupported value "high"; did you mean High?; supported are Info, Low, Medium, High, Critical',
        ),
        (rule(severty="High"), "severty: unknown field; did you mean severity?"),
        (rule(attack=["1490"]), 'attack[0]: "1490" does not match ^T[0-9]{4}(\\.[0-9]{3})?$'),
        (rule(tags=["a", "b", "a"]), 'tags[2]: "a" is there twice: remove one'),
        (
            rule(finding={"groupBy": ["actor.id", "actor.id"]}),
            'finding.groupBy[1]: "actor.id" is there twice: remove one',
        ),
        (rule(finding={"groupBy": []}), "finding.groupBy: must have at least 1 items, not 0"),
        (rule(title="x" * 257), "title: must be at most 256 characters long: shorten it"),
        (rule(where=TEST), "where: must be a list, not " + str(TEST)),
    ],
)
def test_a_mistake_in_a_rule_is_said_with_its_path_and_its_fix(raw: object, message: str) -> None:
    assert said(raw) == [message]


@pytest.mark.parametrize(
    ("match", "message"),
    [
        ({**MATCH, "verbs": ["*", "delete"]}, "match.verbs: '*' must be the only verb"),
        ({"verbs": ["delete"]}, "match: say what to look at: set apiGroups and resources, or another of the lists"),
        ({"resources": ["policies"]}, 'match.resources: resources need apiGroups: "" is the core group'),
        (
            {"apiGroups": [""], "nonResourceURLs": ["/metrics"]},
            "match.nonResourceURLs: a request is for a resource or for a URL: remove apiGroups or nonResourceURLs",
        ),
        ({**MATCH, "outcomes": ["Any", "Denied"]}, "match.outcomes: 'Any' must be the only outcome"),
        ({**MATCH, "resources": [""]}, "match.resources[0]: must not be empty"),
        ({**MATCH, "apiGroup": ["x"]}, "match.apiGroup: unknown field; did you mean apiGroups?"),
    ],
)
def test_a_mistake_in_a_match_is_said_with_its_path_and_its_fix(match: object, message: str) -> None:
    assert said(rule(match=match)) == [message]


@pytest.mark.parametrize("field", ["names", "users", "actors", "serviceAccounts", "nonResourceURLs", "sourceIPs"])
def test_any_list_but_verbs_and_outcomes_is_enough_to_look_at(field: str) -> None:
    assert said(rule(match={field: ["x"]})) == []


def test_cluster_scoped_objects_are_written_as_the_empty_namespace() -> None:
    assert Match.model_validate({**MATCH, "namespaces": [""]}).namespaces == ("",)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"of": [{}]}, "correlate.of[0]: say whose signals: set exactly one of rule and tags"),
        (
            {"of": [{"rule": "a", "tags": ["b"]}]},
            "correlate.of[0]: say whose signals: set exactly one of rule and tags",
        ),
        ({"of": []}, "correlate.of: must have at least 1 items, not 0"),
        (
            {"type": "eventcount"},
            (
                'correlate.type: unsupported value "eventcount"; did you mean eventCount?; '
                "supported are eventCount, valueCount"
            ),
        ),
        (
            {"type": "valueCount"},
            "correlate: set value for a valueCount, whose different values are counted, and for no other type",
        ),
        (
            {"type": "valueCount", "value": ["target.name"], "count": {"sum": "target.count"}},
            "correlate.count: remove count: a valueCount counts values and not objects",
        ),
        (
            {"type": "valueCount", "value": ["target.name"], "conditions": [{"gte": 33}]},
            "correlate.conditions: gte must be at most 32 for a valueCount",
        ),
        (
            {"type": "valueCount", "value": ["target.name", "target.name"]},
            'correlate.value[1]: "target.name" is there twice: remove one',
        ),
        ({"timespanSeconds": 86_401}, "correlate.timespanSeconds: must be at most 86400, not 86401"),
        ({"timespanSeconds": "600"}, 'correlate.timespanSeconds: must be a whole number, not "600"'),
        ({"conditions": [{"gte": 0}]}, "correlate.conditions[0].gte: must be at least 1, not 0"),
        ({"conditions": [{"gte": 2}, {"gte": 3}]}, "correlate.conditions: must have at most 1 items, not 2"),
        ({"groupBy": ["actor.id", "actor.id"]}, 'correlate.groupBy[1]: "actor.id" is there twice: remove one'),
    ],
)
def test_a_mistake_in_a_story_is_said_with_its_path_and_its_fix(change: dict[str, Any], message: str) -> None:
    assert said({"name": "s", "correlate": {**STORY, **change}}) == [message]


@pytest.mark.parametrize("field", ["state", "matchConditions", "armedBy", "lookups"])
def test_what_the_engine_cannot_do_yet_is_refused_instead_of_ignored(field: str) -> None:
    assert any(message.startswith(f"{field}: unknown field") for message in said(rule(**{field: {}})))


@pytest.mark.parametrize("time", ["2027-06-30", "2027-06-30T00:00:00", "tomorrow", 1_814_313_600])
def test_an_expiry_without_its_offset_is_refused(time: object) -> None:
    exception = {"name": "e", "reason": "agreed", "where": [TEST], "expirationTime": time}
    assert said(rule(**{"except": [exception]})) == [
        'except[0].expirationTime: must be a time with its offset, like "2027-06-30T00:00:00Z"'
    ]


def test_an_exception_needs_a_reason_and_something_to_except() -> None:
    assert said(rule(**{"except": [{"name": "e"}]})) == [
        "except[0].reason: required: add it",
        "except[0].where: required: add it",
    ]


def test_two_exceptions_of_one_name_are_refused() -> None:
    exception = {"name": "e", "reason": "agreed", "where": [TEST]}
    assert said(rule(**{"except": [exception, exception]})) == [
        'except[1].name: "e" is there twice: rename or remove one'
    ]


def test_fields_are_reached_by_their_python_names_and_written_in_camel_case() -> None:
    parsed = sound(rule(**{"except": [{"name": "e", "reason": "agreed", "where": [TEST], "trustFieldManagers": True}]}))
    assert parsed.exceptions[0].trust_field_managers
    assert "trustFieldManagers" in parsed.exceptions[0].model_dump(by_alias=True)
