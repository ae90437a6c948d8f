"""Tests inside rules: what passes, what fails, and what a failure says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from auditwatch.detection.selftest import TestResult, run_rule_tests
from auditwatch.detection.showing import FIRST_TIME, state_changes

from .building import rule_set

POLICY = "config.kio.kasten.io/policies"


def _shown(old: object, new: object, **others: Any) -> str:
    return json.dumps({"resource": POLICY, "old": old, "new": new, **others})


def _policy(*, paused: bool) -> dict[str, Any]:
    return {"metadata": {"name": "daily", "namespace": "kasten-io"}, "spec": {"paused": paused}}


PAUSED = _shown(_policy(paused=False), _policy(paused=True), manager="kubectl-edit")
RESUMED = _shown(_policy(paused=True), _policy(paused=False))
RULE = """
- name: paused
  severity: High
  title: "{target.name} paused by {actor.manager}"
  match: {apiGroups: [config.kio.kasten.io], resources: [policies]}
  where: [{field: object.spec.paused, operator: ChangedTo, values: ["true"]}]
  %s
  tests: %s
"""


def _run(*state: str, extra: str = "", **test: Any) -> TestResult:
    written = json.dumps([{"name": "t", "state": list(state), **test}])
    [result] = run_rule_tests(rule_set(RULE % (extra, written)))
    return result


def test_an_expected_match_passes() -> None:
    result = _run(PAUSED, expect="Match", severity="High", title="daily paused by kubectl-edit", count=1)
    assert result == TestResult("paused", "t", ())
    assert result.has_passed


def test_a_match_that_does_not_come_fails() -> None:
    assert _run(RESUMED, expect="Match").failures == ("expected Match, got NoMatch",)


def test_a_match_that_should_not_come_fails_and_shows_it() -> None:
    assert _run(PAUSED, expect="NoMatch").failures == (
        "expected NoMatch, got Match: High, 'daily paused by kubectl-edit'",
    )


def test_no_match_means_no_change_at_all() -> None:
    assert _run(PAUSED, RESUMED, expect="NoMatch").failures == (
        "expected NoMatch, got NoMatch (1 before the last change)",
    )


def test_a_match_means_the_last_change() -> None:
    assert _run(PAUSED, RESUMED, expect="Match").failures == ("expected Match, got NoMatch (1 before the last change)",)


@pytest.mark.parametrize(
    ("expectation", "failures"),
    [
        ({"severity": "Low"}, ("expected severity Low, got High",)),
        ({"title": "x"}, ("expected title 'x'", "     got title 'daily paused by kubectl-edit'")),
        ({"count": 2}, ("expected count 2, got 1",)),
    ],
)
def test_each_expectation_is_compared(expectation: dict[str, Any], failures: tuple[str, ...]) -> None:
    assert _run(PAUSED, expect="Match", **expectation).failures == failures


def test_what_is_left_open_is_unknown() -> None:
    extra = "onUnknown: {severity: Low}"
    rule = RULE.replace("object.spec.paused, operator: ChangedTo", "actor.id, operator: In")
    written = json.dumps([{"name": "t", "state": [PAUSED], "expect": "Unknown"}])
    [result] = run_rule_tests(rule_set(rule % (extra, written)))
    assert result.has_passed
    assert _run(PAUSED, expect="Unknown").failures == (
        "expected Unknown, got Match: High, 'daily paused by kubectl-edit'",
    )


def test_an_excepted_match_is_none_and_says_why() -> None:
    extra = "except: [{name: x, reason: r, trustFieldManagers: true, where: [{field: target.name, operator: Exists}]}]"
    assert _run(PAUSED, extra=extra, expect="NoMatch").has_passed
    assert _run(PAUSED, extra=extra, expect="Match").failures == ("expected Match, got NoMatch (an exception holds)",)


def test_a_building_block_matches_though_it_makes_no_finding() -> None:
    assert _run(PAUSED, extra="emit: Signal", expect="Match").has_passed


def test_what_one_test_counts_does_not_leak_into_the_next() -> None:
    story = """
- {name: one, match: {apiGroups: [config.kio.kasten.io], resources: [policies]}}
- name: many
  correlate: {type: eventCount, of: [{rule: one}], timespanSeconds: 60, conditions: [{gte: 2}]}
  tests: %s
"""
    tests = [
        {"name": "two", "state": [PAUSED, RESUMED], "expect": "Match", "count": 2},
        {"name": "one", "state": [PAUSED], "expect": "NoMatch"},
    ]
    results = list(run_rule_tests(rule_set(story % json.dumps(tests))))
    assert [(result.test, result.failures) for result in results] == [("two", ()), ("one", ())]


def test_only_the_rules_asked_for_are_tested() -> None:
    written = json.dumps([{"name": "t", "state": [PAUSED], "expect": "Match"}])
    rules = rule_set(RULE % ("", written))
    assert list(run_rule_tests(rules, only={"other"})) == []
    assert len(list(run_rule_tests(rules, only={"paused"}))) == 1


def test_changes_are_a_second_apart_unless_they_say_when() -> None:
    later = _shown(None, _policy(paused=True), time="2026-01-01T01:00:00Z")
    written = json.dumps(
        [{"name": "t", "state": [PAUSED, later, _shown(_policy(paused=True), None)], "expect": "NoMatch"}]
    )
    rules = rule_set(RULE % ("", written))
    changes = list(state_changes(rules, rules.rules["paused"].source.tests[0].changes))
    assert [each.observed - FIRST_TIME for each in changes] == [0, 3600, 3601]
    assert [each.verb for each in changes] == ["update", "create", "delete"]
    assert {(each.name, each.namespace) for each in changes} == {("daily", "kasten-io")}
