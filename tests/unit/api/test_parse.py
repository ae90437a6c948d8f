"""A whole watch: one mistake costs what it is in, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from auditwatch.api.parse import ParsedWatch, parse_watch
from tests.unit.api.rules import rule


def parse(**spec: Any) -> ParsedWatch:
    return parse_watch({"apiVersion": "k10auditwatch.io/v1alpha1", "kind": "AuditWatch", "spec": spec})


def said(parsed: ParsedWatch) -> list[str]:
    return [str(problem) for problem in parsed.problems]


@pytest.mark.parametrize("raw", [{}, {"spec": None}, {"spec": {}}])
def test_an_empty_watch_means_the_baseline_over_every_source(raw: dict[str, Any]) -> None:
    parsed = parse_watch(raw)
    assert parsed.problems == ()
    assert [(pack.name, pack.version) for pack in parsed.spec.packs] == [("k10-baseline", "1")]
    assert (parsed.spec.sources, parsed.spec.time_zone, parsed.spec.k10_name) == (("*",), "UTC", "default")
    policy = parsed.spec.findings
    assert (policy.namespace, policy.min_severity) == ("", "Low")
    assert (policy.reopen_after_seconds, policy.max_per_rule) == (86_400, 500)


def test_a_faulty_rule_is_left_out_and_the_others_stay() -> None:
    parsed = parse(rules=[rule(name="a"), rule(name="b", match={}), rule(name="c")])
    assert [(path, item.name) for path, item in parsed.rules] == [("spec.rules[0]", "a"), ("spec.rules[2]", "c")]
    assert [item.name for item in parsed.spec.rules] == ["a", "c"]
    assert parsed.invalid_rules == ("b",)
    assert {problem.rule for problem in parsed.problems} == {"b"}


def test_problems_of_all_rules_are_reported_at_once() -> None:
    parsed = parse(rules=[rule(name="a", severity="x"), rule(name="b", emit="y"), 7])
    assert [problem.path for problem in parsed.problems] == [
        "spec.rules[0].severity",
        "spec.rules[1].emit",
        "spec.rules[2]",
    ]
    assert parsed.rules == ()


def test_of_two_rules_with_one_name_the_first_is_in_force() -> None:
    parsed = parse(rules=[rule(severity="High"), rule(severity="Low")])
    assert [item.severity for _, item in parsed.rules] == ["High"]
    assert said(parsed) == ['spec.rules[1].name: "policy-changed" is there twice: rename or remove one']
    assert parsed.invalid_rules == ()


def test_more_rules_than_a_watch_may_have_are_left_out_and_said() -> None:
    parsed = parse(rules=[rule(name=f"r{index}") for index in range(66)])
    assert len(parsed.rules) == 64
    assert said(parsed) == ["spec.rules: must have at most 64 items, not 66: the rest is left out"]


def test_a_faulty_field_gets_its_default_and_the_others_stay() -> None:
    parsed = parse(timeZone="Europe Paris", sources=["state"], paused="yes", k10Name="second")
    assert (parsed.spec.time_zone, parsed.spec.sources) == ("UTC", ("state",))
    assert (parsed.spec.paused, parsed.spec.k10_name) == (False, "second")
    assert [problem.path for problem in parsed.problems] == ["spec.timeZone", "spec.paused"]


def test_a_faulty_field_of_the_finding_policy_leaves_its_others_in_force() -> None:
    parsed = parse(findings={"namespace": "security", "maxPerRule": 0, "retention": {}})
    assert (parsed.spec.findings.namespace, parsed.spec.findings.max_per_rule) == ("security", 500)
    assert [problem.path for problem in parsed.problems] == ["spec.findings.maxPerRule", "spec.findings.retention"]


def test_a_misspelt_field_is_reported_with_the_one_that_was_meant() -> None:
    assert said(parse(pauesd=True)) == ["spec.pauesd: unknown field; did you mean paused?"]


def test_a_faulty_override_does_not_take_the_pack_out_of_force() -> None:
    overrides = [{"rule": "a", "severity": "Hgh"}, {"rule": "b", "mute": True}, {"rule": "c"}]
    parsed = parse(
        packs=[{"name": "k10-baseline", "version": "1", "disable": ["Not Kebab", "d"], "overrides": overrides}]
    )
    (pack,) = parsed.spec.packs
    assert pack.disable == ("d",)
    assert [override.rule for override in pack.overrides] == ["b"]
    assert [problem.path.removeprefix("spec.packs[0].") for problem in parsed.problems] == [
        "disable[0]",
        "overrides[0].severity",
        "overrides[2]",
    ]


def test_of_two_overrides_of_one_rule_the_first_is_in_force() -> None:
    overrides = [{"rule": "a", "severity": "High"}, {"rule": "a", "mute": True}]
    parsed = parse(packs=[{"name": "k10-baseline", "overrides": overrides}])
    assert [override.severity for override in parsed.spec.packs[0].overrides] == ["High"]
    assert said(parsed) == ['spec.packs[0].overrides[1].rule: "a" is there twice: rename or remove one']


def test_a_pack_without_a_readable_name_is_left_out() -> None:
    parsed = parse(packs=[{"version": "1"}, {"name": "other"}])
    assert [pack.name for pack in parsed.spec.packs] == ["other"]


def test_an_empty_list_of_packs_means_no_pack() -> None:
    assert parse(packs=[]).spec.packs == ()


@pytest.mark.parametrize("field", ["packs", "lists", "macros", "rules"])
def test_a_list_that_is_none_is_reported_and_its_default_is_in_force(field: str) -> None:
    parsed = parse(**{field: {"name": "x"}})
    assert said(parsed) == [f"spec.{field}: must be a list: the default is in force"]
    assert [pack.name for pack in parsed.spec.packs] == ["k10-baseline"]


def test_faulty_lists_and_macros_are_left_out_one_by_one() -> None:
    parsed = parse(
        lists=[{"name": "good", "values": ["a"]}, {"name": "bad", "values": [1]}],
        macros=[
            {"name": "bad", "where": [{"macro": "good"}]},
            {"name": "good", "where": [{"field": "a", "operator": "Exists"}]},
        ],
    )
    assert [item.name for item in parsed.spec.lists] == ["good"]
    assert [item.name for item in parsed.spec.macros] == ["good"]
    assert [problem.path for problem in parsed.problems] == [
        "spec.lists[1].values[0]",
        "spec.macros[0].where[0].macro",
        "spec.macros[0].where[0]",
    ]


def test_every_source_may_not_be_named_beside_one() -> None:
    parsed = parse(sources=["*", "state"])
    assert said(parsed) == ["spec.sources: '*' must be the only source"]
    assert parsed.spec.sources == ("*",)


@pytest.mark.parametrize("spec", [[], "text", 7])
def test_a_spec_that_is_no_object_is_reported(spec: object) -> None:
    assert said(parse_watch({"spec": spec}))[:1] == (["spec: must be an object with fields"] if spec else [])


def test_an_override_must_override_something() -> None:
    (message,) = said(parse(packs=[{"name": "p", "overrides": [{"rule": "a"}]}]))
    assert message == "spec.packs[0].overrides[0]: say what to override: set severity or mute"


def test_nothing_that_people_can_write_raises() -> None:
    odd: list[Any] = [None, 7, "x", [], {}, [None], [[]], [{"name": []}], {"a": {"b": []}}, [rule(tests=1)]]
    for field in ("paused", "sources", "packs", "lists", "macros", "rules", "findings", "unknown"):
        for value in odd:
            assert isinstance(parse(**{field: value}), ParsedWatch)
