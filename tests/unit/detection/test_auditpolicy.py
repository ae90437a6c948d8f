"""kube-apiserver's audit policy: the first rule that matches decides."""

from __future__ import annotations

import pytest

from auditwatch.detection.auditpolicy import (
    AuditPolicy,
    Fit,
    GroupResources,
    PolicyError,
    PolicyRule,
    Question,
    answer,
    fit_of,
    read_policy,
)

DELETE = Question(verb="delete", group="config.kio.kasten.io", resource="policies")
STATUS = Question(verb="patch", group="config.kio.kasten.io", resource="policies/status")
CORE = Question(verb="get", resource="pods/exec", namespaces=("kasten-io",))
URL = Question(verb="get", path="/healthz/etcd")


def _resources(*resources: str, group: str = "config.kio.kasten.io", names: tuple[str, ...] = ()) -> PolicyRule:
    named = GroupResources(group=group, resources=resources, resource_names=names)
    return PolicyRule(level="Metadata", resources=(named,))


@pytest.mark.parametrize(
    ("rule", "question", "fit"),
    [
        (PolicyRule(level="Metadata"), DELETE, "All"),
        (PolicyRule(level="Metadata"), URL, "All"),
        (PolicyRule(level="Metadata", verbs=("delete",)), DELETE, "All"),
        (PolicyRule(level="Metadata", verbs=("get",)), DELETE, "None"),
        (_resources(), DELETE, "All"),
        (_resources(), STATUS, "All"),
        (_resources(), CORE, "None"),
        (_resources(group=""), CORE, "All"),
        (_resources("policies"), DELETE, "All"),
        (_resources("policies"), STATUS, "None"),
        (_resources("policies/*"), STATUS, "All"),
        (_resources("policies/*"), DELETE, "All"),
        (_resources("*/status"), STATUS, "All"),
        (_resources("*/status"), DELETE, "None"),
        (_resources("*"), STATUS, "All"),
        (_resources("profiles", "policies/status"), STATUS, "All"),
        (_resources("policies", names=("daily",)), DELETE, "Some"),
        (_resources(), URL, "None"),
        (PolicyRule(level="Metadata", namespaces=("kasten-io",)), CORE, "All"),
        (PolicyRule(level="Metadata", namespaces=("shop",)), CORE, "None"),
        (PolicyRule(level="Metadata", namespaces=("kasten-io",)), DELETE, "Some"),
        (PolicyRule(level="Metadata", namespaces=("",)), URL, "None"),
        (PolicyRule(level="Metadata", users=("eve",)), DELETE, "Some"),
        (PolicyRule(level="Metadata", users=("eve",)), Question(verb="get", resource="pods", users=("eve",)), "All"),
        (PolicyRule(level="Metadata", users=("eve",)), Question(verb="get", resource="pods", users=("bob",)), "None"),
        (PolicyRule(level="Metadata", user_groups=("system:nodes",)), DELETE, "Some"),
        (PolicyRule(level="Metadata", user_groups=("system:authenticated",)), DELETE, "All"),
        (PolicyRule(level="Metadata", non_resource_urls=("/healthz*",)), URL, "All"),
        (PolicyRule(level="Metadata", non_resource_urls=("/healthz",)), URL, "None"),
        (PolicyRule(level="Metadata", non_resource_urls=("*",)), DELETE, "None"),
    ],
)
def test_how_many_of_the_requests_a_rule_matches(rule: PolicyRule, question: Question, fit: Fit) -> None:
    assert fit_of(rule, question) == fit


def _policy(*rules: PolicyRule) -> AuditPolicy:
    return AuditPolicy(api_version="audit.k8s.io/v1", kind="Policy", rules=rules, omit_stages=("RequestReceived",))


def test_the_first_rule_that_matches_all_decides_and_those_before_it_that_match_some_are_exceptions() -> None:
    found = answer(
        _policy(
            PolicyRule(level="None", users=("system:kube-proxy",)),
            PolicyRule(level="None", verbs=("get",)),
            PolicyRule(level="Request", omit_stages=("Panic",)),
            PolicyRule(level="None"),
        ),
        DELETE,
    )
    assert (found.decision.rule, found.decision.level) == (2, "Request")
    assert found.decision.omitted == {"RequestReceived", "Panic"}
    assert [each.rule for each in found.exceptions] == [0]


def test_what_no_rule_matches_is_not_logged() -> None:
    found = answer(_policy(PolicyRule(level="Metadata", verbs=("get",))), DELETE)
    assert (found.decision.rule, found.decision.level) == (None, "None")


HEAD = "apiVersion: audit.k8s.io/v1\nkind: Policy\n"


def test_a_policy_is_read_from_yaml() -> None:
    policy = read_policy(HEAD + "omitStages: [RequestReceived]\nrules:\n- {level: Metadata, nonResourceURLs: [/a*]}\n")
    assert policy.rules == (PolicyRule(level="Metadata", non_resource_urls=("/a*",)),)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is no YAML"),
        ("- level: Metadata", "is no audit policy: Expected `object`"),
        ("apiVersion: audit.k8s.io/v1beta1\nkind: Policy\nrules: [{level: None}]", "takes audit.k8s.io/v1 only"),
        (HEAD, "has no rules"),
        (HEAD + "rules: [{level: All}]", r"\$.rules\[0\].level"),
        (HEAD + "rules: [{level: None, resource: []}]", "unknown field `resource`"),
        (HEAD + "rules: [{level: None, nonResourceURLs: [/a], namespaces: [b]}]", r"rules\[0\]: a rule is about URLs"),
        (HEAD + "rules: [{level: None, nonResourceURLs: [a]}]", "must begin with /"),
        (HEAD + "rules: [{level: None, resources: [{resourceNames: [a]}]}]", "resourceNames need resources"),
        (HEAD + "rules: [{level: None, resources: [{group: apps/v1}]}]", "must have no version"),
    ],
)
def test_what_is_no_policy_is_told_with_its_place(text: str, words: str) -> None:
    with pytest.raises(PolicyError, match=words):
        read_policy(text)
