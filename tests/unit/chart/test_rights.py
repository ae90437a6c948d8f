"""What the chart grants: each feature brings its own rights and takes them along when it is turned off."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from auditwatch.k10.groups import AUDITWATCH
from auditwatch.k10.identity import K10Instance
from auditwatch.k10.kinds import Scope, kinds_of
from tests.unit.chart.rendering import CASES, Object, objects, rules, the

READING = {"get", "list", "watch"}
UNREADABLE = {"secrets", "passkeys", "exportactions"}
AGENT = "agent: {enabled: true}"
POSTED = "{enabled: true, clusterIP: 10.96.0.77, instances: [%s]"
BY_TOKEN_FILE = f"webhook: {POSTED % '{name: cp-1, tokenKey: a}'}, tokensSecretName: tokens}}"
BY_ACCOUNT = f"webhook: {POSTED % '{name: cp-1, serviceAccount: a/b}'}}}"
BLIND = "sources: {k10Stream: {enabled: false}}"
OTHERS = """
k10Discovery: false
k10s:
- {namespace: one, multicluster: true}
- {name: two, namespace: two, apiDomain: two.example.com}
"""


@pytest.fixture(params=CASES, ids=lambda path: path.stem)
def values(request: pytest.FixtureRequest) -> str:
    path: Path = request.param
    return path.read_text()


def granted(values: str) -> set[str]:
    """Names of the roles that are bound to the operator."""
    return {name for name, _ in rules(values)}


def bound_in(values: str, role: str) -> set[str]:
    return {each["metadata"]["namespace"] for each in objects(values, "RoleBinding") if each["roleRef"]["name"] == role}


def test_nothing_is_granted_by_an_asterisk(values: str) -> None:
    for name, rule in rules(values):
        assert "*" not in {*rule["apiGroups"], *rule["resources"], *rule["verbs"]}, name


def test_no_secret_and_no_key_of_k10_may_be_read(values: str) -> None:
    assert all(not UNREADABLE & set(rule["resources"]) for _, rule in rules(values))


def test_nothing_of_k10_may_be_written(values: str) -> None:
    for name, rule in rules(values):
        foreign = [group for group in rule["apiGroups"] if group.endswith(("kasten.io", "kanister.io"))]
        assert not foreign or set(rule["verbs"]) <= READING, name


def test_everything_granted_is_granted_to_the_operator_alone(values: str) -> None:
    [account] = {each["spec"]["template"]["spec"]["serviceAccountName"] for each in objects(values, "Deployment")}
    subjects = [each["subjects"] for each in objects(values, "RoleBinding", "ClusterRoleBinding")]

    assert all(
        each == [{"kind": "ServiceAccount", "name": account, "namespace": "k10-auditwatch"}] for each in subjects
    )


def test_every_binding_leads_to_a_role_that_is_there(values: str) -> None:
    there = {(each["kind"], each["metadata"]["name"]) for each in objects(values, "Role", "ClusterRole")}

    for each in objects(values, "RoleBinding", "ClusterRoleBinding"):
        assert (each["roleRef"]["kind"], each["roleRef"]["name"]) in there


def test_by_default_there_are_the_rights_of_watched_state_and_of_k10s_stream() -> None:
    assert granted("") == {
        "k10-auditwatch",
        "k10-auditwatch-reader",
        "k10-auditwatch-reader-of-k10",
        "k10-auditwatch-k10-stream",
    }


def test_without_the_stream_no_log_may_be_read() -> None:
    assert granted("") - granted(BLIND) == {"k10-auditwatch-k10-stream"}
    assert not any("pods/log" in rule["resources"] for _, rule in rules(BLIND))


@pytest.mark.parametrize(
    ("values", "more"),
    [
        (AGENT, {"audit-canary", "token-reviewer", "webhook-ca"}),
        (BY_ACCOUNT, {"audit-canary", "token-reviewer", "webhook-ca"}),
        (BY_TOKEN_FILE, {"audit-canary", "webhook-ca"}),
    ],
    ids=["agent", "account", "token file"],
)
def test_an_audit_source_brings_the_rights_that_prove_it_and_its_senders(values: str, more: set[str]) -> None:
    assert granted(values) - granted("") == {f"k10-auditwatch-{each}" for each in more}


def test_the_ca_is_published_where_senders_are_and_under_one_name_only() -> None:
    published = [rule for name, rule in rules(AGENT) if name == "k10-auditwatch-webhook-ca"]

    assert bound_in(AGENT, "k10-auditwatch-webhook-ca") == {"k10-auditwatch", "k10-auditwatch-agent"}
    assert bound_in(BY_TOKEN_FILE, "k10-auditwatch-webhook-ca") == {"k10-auditwatch"}
    assert published[:2] == [
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create"]},
        {
            "apiGroups": [""],
            "resources": ["configmaps"],
            "resourceNames": ["k10-auditwatch-webhook-ca"],
            "verbs": ["get", "update"],
        },
    ]


def test_a_certificate_somebody_else_made_needs_no_configmap_to_be_written() -> None:
    values = f"{BY_TOKEN_FILE[:-1]}, tls: {{mode: existingSecret, secretName: serving}}}}"

    assert not any("configmaps" in rule["resources"] and "create" in rule["verbs"] for _, rule in rules(values))


def test_each_k10_is_read_in_its_namespaces_and_its_stream_and_canary_in_its_own() -> None:
    values = OTHERS + AGENT

    assert bound_in(values, "k10-auditwatch-reader-of-k10") == {"one", "kasten-io-mc", "two"}
    for role, group in (("k10-stream", "apps"), ("audit-canary", "config")):
        for place, domain, suffix in (("one", "kio.kasten.io", ""), ("two", "two.example.com", "-two.example.com")):
            name = f"k10-auditwatch-{role}{suffix}"
            assert bound_in(values, name) == {place}
            groups = {each for found, rule in rules(values) if found == name for each in rule["apiGroups"]}
            assert groups - {""} == {f"{group}.{domain}"}


def test_a_binding_leads_to_a_role_of_its_own_name_whatever_k10s_come_and_go() -> None:
    """A binding cannot be changed to another role: an upgrade that tried would fail."""
    for values in (OTHERS + AGENT, AGENT):
        for each in objects(values, "RoleBinding"):
            assert each["metadata"]["name"] == each["roleRef"]["name"]


def test_deployments_everywhere_may_be_listed_only_where_k10_is_to_be_found() -> None:
    rule = {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["list"]}

    def listed_by(values: str) -> set[str]:
        return {name for name, each in rules(values) if each == rule}

    assert listed_by("") == {"k10-auditwatch-reader"}
    assert listed_by(OTHERS) == {"k10-auditwatch"}
    (own,) = [each for each in objects(OTHERS, "Role") if each["metadata"]["name"] == "k10-auditwatch"]
    assert rule in own["rules"]


def test_by_default_no_namespace_is_named_that_a_plain_k10_does_not_have() -> None:
    assert {each["metadata"]["namespace"] for each in objects("", "RoleBinding")} == {"kasten-io", "k10-auditwatch"}


def test_groups_follow_the_api_domains_of_the_k10s() -> None:
    def readable(values: str) -> set[tuple[str, str]]:
        return {
            (group, resource)
            for name, rule in rules(values)
            if name == "k10-auditwatch-reader"
            for group in rule["apiGroups"]
            for resource in rule["resources"]
        }

    def watched(domain: str) -> set[tuple[str, str]]:
        kinds = kinds_of(K10Instance(api_domain=domain))
        others = [kind for kind in kinds if kind.scope is not Scope.K10 and kind.group != AUDITWATCH]
        return {(kind.group, kind.resource) for kind in others}

    assert readable("") == watched("kio.kasten.io") | {("apps", "deployments")}
    assert readable(OTHERS) == watched("kio.kasten.io") | watched("two.example.com")


def test_roles_for_people_are_bound_to_nobody_and_aggregated_into_nothing() -> None:
    people = [each for each in objects("", "ClusterRole") if each["metadata"]["name"] not in granted("")]

    assert [each["metadata"]["name"].removeprefix("k10-auditwatch-") for each in people] == ["view", "triage", "author"]
    assert not any("aggregate-to" in label for each in people for label in each["metadata"]["labels"])
    assert all(rule["apiGroups"] == ["k10auditwatch.io"] for each in people for rule in each["rules"])


def test_somebody_elses_roles_take_the_place_of_the_charts() -> None:
    values = "rbac: {create: false, peopleRoles: false}\nagent: {enabled: true}"

    assert objects(values, "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding") == []


def test_the_leases_name_is_the_one_that_may_be_held() -> None:
    leases = [rule for _, rule in rules("lease: {name: other}") if rule["apiGroups"] == ["coordination.k8s.io"]]

    assert [rule.get("resourceNames") for rule in leases] == [None, ["other"]]
    assert [rule["verbs"] for rule in leases] == [["create"], ["get", "update"]]


def test_one_watch_may_be_made_by_its_name_and_none_where_none_is_wanted() -> None:
    def making(values: str) -> list[Object]:
        return [rule for _, rule in rules(values) if "auditwatches" in rule["resources"] and "create" in rule["verbs"]]

    [rule] = making("auditWatch: {name: other}")
    assert (rule["resourceNames"], rule["verbs"]) == (["other"], ["get", "create", "patch"])
    assert making("auditWatch: {create: false}") == []


def test_network_policies_let_the_agent_reach_the_listener_and_the_operator_its_api_server() -> None:
    values = "agent: {enabled: true}\nnetworkPolicy: {apiServerCIDRs: [10.0.0.0/24], apiServerPorts: [6443]}"
    [operator] = [
        each for each in objects(values, "NetworkPolicy") if each["metadata"]["namespace"] == "k10-auditwatch"
    ]
    [agent] = [each for each in objects(values, "NetworkPolicy") if each["metadata"]["namespace"] != "k10-auditwatch"]

    assert operator["spec"]["egress"][-1] == {"ports": [{"port": 6443}], "to": [{"ipBlock": {"cidr": "10.0.0.0/24"}}]}
    [webhook] = [each for each in operator["spec"]["ingress"] if each["ports"] == [{"port": "webhook"}]]
    assert webhook["from"][0]["podSelector"]["matchLabels"] == agent["spec"]["podSelector"]["matchLabels"]
    assert agent["spec"]["egress"][-1]["to"][0]["podSelector"] == operator["spec"]["podSelector"]
    assert "ingress" not in agent["spec"]


def test_api_servers_post_from_anywhere_unless_networks_are_named() -> None:
    def senders(values: str) -> object:
        [policy] = objects(values, "NetworkPolicy")
        return next(each for each in policy["spec"]["ingress"] if each["ports"] == [{"port": "webhook"}]).get("from")

    named = f"{BY_ACCOUNT}\nnetworkPolicy: {{webhookFrom: [{{ipBlock: {{cidr: 10.0.0.0/24}}}}]}}"
    assert senders(BY_ACCOUNT) is None
    assert senders(named) == [{"ipBlock": {"cidr": "10.0.0.0/24"}}]


def test_metrics_are_for_everybody_or_for_those_named_and_the_pod_of_helm_test() -> None:
    def readers(values: str) -> Any:
        [policy] = objects(values, "NetworkPolicy")
        return next(each for each in policy["spec"]["ingress"] if each["ports"] == [{"port": "probes"}]).get("from")

    own = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
    named = f"networkPolicy: {{metricsFrom: [{json.dumps(own)}]}}"
    assert readers("") is None
    first, second = readers(named)
    labels = the(named, "Pod", "k10-auditwatch-test")["metadata"]["labels"]
    assert first == own
    assert second["podSelector"]["matchLabels"].items() <= labels.items()
    assert second["podSelector"] != the(named, "NetworkPolicy")["spec"]["podSelector"]


def test_no_policy_is_made_where_none_is_wanted() -> None:
    assert objects("networkPolicy: {enabled: false}\nagent: {enabled: true}", "NetworkPolicy") == []
