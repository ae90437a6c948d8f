"""Rules about creations under an audit policy: patch and update, too, make an object where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditwatch.detection.auditpolicy import Question, answer, read_policy
from auditwatch.detection.policycheck import Verdict
from auditwatch.scan.policies import checked, rendered
from auditwatch.scan.rules import Asked, Rules, rules_of

from .making import K10

HEAD = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n"
RULES = """
- name: policy-made
  match: {apiGroups: [config.kio.kasten.io], resources: [policies], verbs: [create]}
- name: policy-written
  match: {apiGroups: [config.kio.kasten.io], resources: [policies], verbs: [create, update, patch]}
- name: policy-gone
  match: {apiGroups: [config.kio.kasten.io], resources: [policies], verbs: [delete]}
- name: paused-policy-made
  match: {apiGroups: [config.kio.kasten.io], resources: [policies], verbs: [create]}
  where: [{field: object.spec.paused, operator: Equals, values: ["true"]}]
- name: suspended-job-made
  match: {apiGroups: [batch], resources: [jobs], verbs: [create]}
  where: [{field: object.spec.suspend, operator: Equals, values: ["true"]}]
- name: event-made
  match: {apiGroups: [""], resources: [events], verbs: [create], evidence: [Audited]}
- name: rights-asked-for
  match: {apiGroups: [authorization.k8s.io], resources: [selfsubjectrulesreviews], verbs: [create], evidence: [Audited]}
- name: token-made
  match: {apiGroups: [""], resources: [serviceaccounts/token], verbs: [create], evidence: [Audited]}
- name: eve-made-something
  match: {users: [eve], verbs: [create]}
- name: many-policies-made
  correlate: {type: eventCount, of: [{rule: policy-made}], timespanSeconds: 60, conditions: [{gte: 5}]}
"""
ALL = "- {level: RequestResponse}"


def _rules(directory: Path) -> Rules:
    file = directory / "rules.yaml"
    file.write_text(RULES, encoding="utf-8")
    return rules_of(Asked(files=[file]), k10=K10, now=0.0)


def _check(directory: Path, policy: str) -> dict[str, Verdict]:
    return {each.rule: each for each in checked(HEAD + policy, _rules(directory).rule_sets, K10)}


def _missing(directory: Path, policy: str) -> dict[str, str]:
    """What is said of the rules that miss creations."""
    seen = {name: each.visibility for name, each in _check(directory, policy).items()}
    assert {each.level for each in seen.values() if each.reason == "CreationsNotLogged"} <= {"Partial"}
    return {name: each.message for name, each in seen.items() if each.reason == "CreationsNotLogged"}


@pytest.mark.parametrize("verb", ["patch", "update"])
def test_a_policy_that_drops_what_else_makes_objects_blinds_part_of_the_rules_about_creations(
    tmp_path: Path, verb: str
) -> None:
    said = "what is applied or replaced may be made by it, and the policy does not log"

    assert _missing(tmp_path, f"- {{level: None, verbs: [{verb}]}}\n{ALL}") == {
        "policy-made": f"{said} {verb} of policies.config.kio.kasten.io",
        "paused-policy-made": f"{said} {verb} of policies.config.kio.kasten.io",
        "many-policies-made": f"{said} {verb} of policies.config.kio.kasten.io",
        "suspended-job-made": f"{said} {verb} of jobs.batch",
        "event-made": f"{said} {verb} of events",
        "eve-made-something": f"{said} {verb} of anything",
    }


def test_all_verbs_that_are_dropped_are_named_and_the_rules_that_drop_them(tmp_path: Path) -> None:
    only_create = "- {level: RequestResponse, verbs: [create], resources: [{group: batch}]}\n"
    found = _check(tmp_path, only_create + "- {level: None, verbs: [update]}")["suspended-job-made"]

    assert found.visibility.message.endswith("does not log update of jobs.batch, patch of jobs.batch")
    assert (found.visibility.level, found.is_blinded) == ("Partial", False)
    assert found.decided_by == (-1, 0, 1)


def test_a_policy_that_drops_patches_of_one_kind_blinds_nothing_about_others(tmp_path: Path) -> None:
    dropped = "- {level: None, verbs: [patch], resources: [{group: batch, resources: [jobs]}]}\n"

    assert _missing(tmp_path, dropped + ALL).keys() == {"suspended-job-made"}


def test_patches_that_are_dropped_for_some_people_are_told_as_such(tmp_path: Path) -> None:
    seen = _check(tmp_path, f"- {{level: None, verbs: [patch], users: [argo]}}\n{ALL}")["policy-made"].visibility

    assert (seen.level, seen.reason) == ("Partial", "LessForSome")
    assert "rule 1 of the policy" in seen.message


def test_patches_whose_begin_is_dropped_may_make_an_object_without_a_trace(tmp_path: Path) -> None:
    unbegun = "- {level: Metadata, verbs: [patch], omitStages: [RequestReceived]}\n"

    assert _check(tmp_path, unbegun + ALL)["policy-made"].visibility.reason == "NoRequestReceived"


@pytest.mark.parametrize(
    ("level", "reason", "told"),
    [
        ("Metadata", "NeedsBodies", "shows no bodies for patch of jobs.batch"),
        ("Request", "", ""),  # what is applied is the object
    ],
)
def test_patches_without_a_body_show_no_content_of_what_they_make(
    tmp_path: Path, level: str, reason: str, told: str
) -> None:
    found = _check(tmp_path, f"- {{level: {level}, verbs: [patch]}}\n{ALL}")

    seen = found["suspended-job-made"].visibility
    assert (seen.level, seen.reason) == ("Partial" if reason else "Full", reason)
    assert seen.message.endswith(told)
    assert found["paused-policy-made"].visibility.level == "Full", "watched state shows it"


def test_what_is_blind_to_create_itself_says_that(tmp_path: Path) -> None:
    seen = _check(tmp_path, "- {level: Metadata, verbs: [patch]}")["event-made"].visibility

    assert (seen.level, seen.reason) == ("Blind", "NotLogged")


def test_the_policy_made_for_rules_about_creations_logs_all_that_makes_objects(tmp_path: Path) -> None:
    rules = _rules(tmp_path).rule_sets
    policy = rendered(rules, K10)
    assert [each.rule for each in checked(policy, rules, K10) if each.visibility.reason == "CreationsNotLogged"] == []

    asked = [Question(verb=verb, resource="events", users=("eve",)) for verb in ("create", "update", "patch", "delete")]
    levels = [answer(read_policy(policy), question).decision.level for question in asked]
    assert levels == ["Metadata", "Metadata", "Metadata", "None"], "of a kind that is noise else"


def test_questions_to_the_api_server_and_tokens_are_made_by_create_alone(tmp_path: Path) -> None:
    policy = rendered(_rules(tmp_path).rule_sets, K10)
    (section,) = [part for part in policy.split("\n\n") if "selfsubjectrulesreviews" in part]

    assert "verbs: [create]" in section
    found = _check(tmp_path, f"- {{level: None, verbs: [update, patch]}}\n{ALL}")
    assert found["rights-asked-for"].visibility.level == found["token-made"].visibility.level == "Full"
