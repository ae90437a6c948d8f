"""The demo's own measure can fail: a step nobody found, a wrong name, one incident told twice."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from tests.cluster.errors import ClusterError
from tests.demo import connection, verdict
from tests.demo.intrusion import K10_ACCOUNT, Prey, Step, session

STEP = Step("read a key", ("get", "secret"), "key-read", audit=True)
MALLORY = {"id": "mallory@example.com", "clientIPs": ["127.0.0.1"], "credentialIDs": ["JTI=1"]}


def finding(*actors: dict[str, Any], rule: str = "key-read", attribution: str = "Audited", count: int = 1) -> Any:
    status = {"count": count, "attribution": attribution, "actors": list(actors or (MALLORY,))}
    target = {"resource": "secrets", "namespace": "kasten-io", "name": "key"}
    return {"metadata": {"name": f"{rule}-1"}, "spec": {"rule": rule, "target": target}, "status": status}


def test_a_step_that_was_found_by_the_right_name_once_is_no_complaint() -> None:
    found = [finding()]

    assert verdict.missed([STEP], found, audited=True) == []
    assert verdict.wrong([STEP], found, audited=True) == []
    assert verdict.doubled(found) == []


@pytest.mark.parametrize("found", [[], [finding(rule="other")], [finding(count=0)], [finding(attribution="Ambiguous")]])
def test_a_step_without_a_proven_finding_is_missed(found: list[Any]) -> None:
    assert verdict.missed([STEP], found, audited=True) == ["not found: read a key (rule key-read)"]


@pytest.mark.parametrize(
    ("actor", "words"),
    [
        ({"id": "bob"}, "names bob"),
        ({"id": "", "manager": "kubectl"}, "names nobody"),
        ({"impersonator": "bob"}, "behind it was bob"),
        ({"clientIPs": ["203.0.113.9"]}, "203.0.113.9"),
        ({"credentialIDs": []}, "credentials"),
    ],
)
def test_whoever_is_named_wrongly_is_told(actor: dict[str, Any], words: str) -> None:
    (mistake,) = verdict.wrong([STEP], [finding(MALLORY | actor)], audited=True)

    assert words in mistake


def test_without_an_audit_log_to_name_nobody_is_right_and_somebody_else_is_wrong() -> None:
    hint = finding({"id": "", "manager": "kubectl"}, attribution="FieldManager")

    assert verdict.missed([STEP], [hint], audited=False) == []
    assert verdict.wrong([STEP], [hint], audited=False) == []
    assert verdict.wrong([STEP], [finding({"id": "bob"})], audited=False) != []


def test_two_findings_of_one_rule_for_one_target_are_one_too_many() -> None:
    assert verdict.doubled([finding(), finding()]) == ["2 findings of key-read for secrets/kasten-io/key"]
    assert verdict.doubled([finding(), finding(rule="other")]) == []


def test_without_an_audit_log_what_changes_something_is_still_expected() -> None:
    steps = session(Prey(policy="daily", profile="s3", contents=("a",)))
    rules = {step.rule for step in verdict.visible(steps, audited=False)}

    assert {"policy-paused", "passkey-read"} <= rules
    assert rules.isdisjoint({"k10-token-minted", "k10-account-impersonated", "k10-pod-entered"})
    assert verdict.visible(steps, audited=True) == steps


def test_the_session_names_k10s_account_only_where_it_is_used() -> None:
    steps = session(Prey(policy="daily", profile="s3", contents=("a",)))

    assert [step.rule for step in steps if step.actor == K10_ACCOUNT] == [
        "k10-token-outside-k10",
        "k10-account-impersonated",
    ]


def test_a_way_that_does_not_exist_is_refused_with_those_that_do() -> None:
    assert connection.chosen({}) == "all"
    assert connection.chosen({"DEMO_AUDIT": "None"}) == "none"
    with pytest.raises(ClusterError, match="one of all, file, webhook, none"):
        connection.chosen({"DEMO_AUDIT": "bogus"})


def test_where_the_address_cannot_be_known_any_one_is_right_and_two_are_wrong() -> None:
    elsewhere = finding(MALLORY | {"clientIPs": ["172.18.0.1"]})
    twice = finding(MALLORY | {"clientIPs": ["172.18.0.1", "10.0.0.9"]})

    assert verdict.wrong([STEP], [elsewhere], audited=True, addresses=frozenset()) == []
    assert verdict.wrong([STEP], [twice], audited=True, addresses=frozenset()) != []


def test_the_first_true_finding_is_the_first_that_is_about_a_step() -> None:
    late, early, other = finding(), finding(), finding(rule="visibility-gap")
    for each, minute in ((late, 3), (early, 2), (other, 1)):
        each["metadata"]["creationTimestamp"] = f"2026-01-01T00:0{minute}:00Z"

    made = verdict.first_true([STEP], [late, early, other])

    assert made == dt.datetime(2026, 1, 1, 0, 2, tzinfo=dt.UTC).timestamp()
    assert verdict.first_true([STEP], [other]) is None
