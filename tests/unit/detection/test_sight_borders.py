"""What decides how much a rule sees, word by word: verbs and their classes, fields, tenants, and flaws of a policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from auditwatch.detection.auditpolicy import GroupResources, PolicyError, PolicyRule, Question, fit_of, read_policy
from auditwatch.detection.auditsight import verb_class
from auditwatch.detection.sight import AuditLevel, SourcesView, VerbClass, Visibility
from auditwatch.detection.visibility import rule_set_visibility

from .building import compiled, rule_set

CONFIG = "config.kio.kasten.io"


@dataclass(frozen=True)
class Audit:
    """A source that logs everything at one level, but for some classes of verbs."""

    default: AuditLevel | None = "RequestResponse"
    levels: Mapping[VerbClass, AuditLevel] = field(default_factory=dict)
    evidence: Any = "Audited"
    silence: str = ""
    is_past: bool = False
    name: str = "audit-log"

    def level(self, _group: str, _resource: str, verbs: VerbClass) -> AuditLevel | None:
        return self.levels.get(verbs, self.default)


PASSKEYS = ("vault.kio.kasten.io", "passkeys")
"""A kind that K10's own server serves."""


def sees(
    *audits: Audit, more: str = "", rest: str = "", kind: tuple[str, str] = (CONFIG, "policies"), **source: Any
) -> Visibility:
    match = f"{{apiGroups: ['{kind[0]}'], resources: [{kind[1]}]{more}}}"
    rules = rule_set(f"- name: probe\n  match: {match}\n{rest}", **source)
    return rule_set_visibility(rules, SourcesView({}, audits))["probe"]


@pytest.mark.parametrize(
    ("verb", "found"),
    [
        *((verb, "write") for verb in ("create", "update", "patch")),
        *((verb, "delete") for verb in ("delete", "deletecollection")),
        *((verb, "read") for verb in ("get", "list", "watch")),
        ("post", None),
        ("", None),
    ],
)
def test_each_verb_is_of_one_class_unless_it_opens_a_connection(verb: str, found: str | None) -> None:
    assert verb_class(verb) == verb_class(verb, "status") == found
    assert verb_class(verb, "exec") == "connect"


@pytest.mark.parametrize("verb", ["create", "update", "patch", "delete", "deletecollection", "get", "list", "watch"])
def test_a_rule_sees_its_verbs_by_the_class_they_are_of(verb: str) -> None:
    found = verb_class(verb)
    assert found is not None

    assert sees(Audit(default="None", levels={found: "Metadata"}), more=f", verbs: [{verb}]").level == "Full"
    assert sees(Audit(levels={found: "None"}), more=f", verbs: [{verb}]").level == "Blind"


def test_a_rule_that_names_no_verb_looks_at_every_class() -> None:
    for verbs in ("read", "write", "delete"):
        levels: dict[VerbClass, AuditLevel] = {verbs: "None"}
        assert sees(Audit(levels=levels)).level == "Partial"
    assert sees(Audit()).level == "Full"


@pytest.mark.parametrize(
    "name",
    [
        "actor.via",
        "actor.impersonator.name",
        "actor.credentialID",
        "actor.podUID",
        "actor.pod",
        "actor.node",
    ],
)
def test_what_k10s_own_record_does_not_know_needs_the_audit_log(name: str) -> None:
    where = f"  where: [{{field: {name}, operator: Exists}}]"
    seen = sees(Audit(evidence="K10Stream"), rest=where, kind=PASSKEYS)

    assert (seen.level, seen.reason) == ("Blind", "NeedsAuditLog")
    assert "who authenticated" in seen.message
    assert sees(Audit(), rest=where, kind=PASSKEYS).level == "Full"


def test_who_it_was_is_in_k10s_own_record() -> None:
    rest = "  where: [{field: actor.id, operator: Exists}]"
    assert sees(Audit(evidence="K10Stream"), rest=rest, kind=PASSKEYS).level == "Full"


@pytest.mark.parametrize(
    ("tenant", "more", "outside"),
    [
        ("team", ", namespaces: [kasten-io, shop]", True),
        ("team", ", namespaces: [kasten-io, team]", False),
        ("team", ', namespaces: ["kasten-*"]', False),
        ("team", "", False),
        (None, ", namespaces: [kasten-io]", False),
    ],
)
def test_a_tenant_sees_its_own_namespace(tenant: str | None, more: str, *, outside: bool) -> None:
    assert (sees(Audit(), more=more, tenant=tenant).reason == "OutsideTenant") is outside


def test_a_tenant_does_not_see_who_others_are() -> None:
    seen = sees(Audit(), rest="  where: [{field: actor.id, operator: Exists}]", tenant="team")

    assert (seen.level, seen.reason) == ("Blind", "OutsideTenant")
    assert seen.message.startswith("actor.id of others")
    assert sees(Audit(), rest="  where: [{field: client.ip, operator: Exists}]", tenant="team").level == "Full"


def test_a_rule_left_out_for_a_problem_sees_nothing_and_says_why() -> None:
    rules, problems = compiled(f"- name: probe\n  match: {{apiGroups: ['{CONFIG}']}}\n  where: [{{field: no.such}}]")
    seen = rule_set_visibility(rules, SourcesView({}, (Audit(),)))["probe"]

    assert problems
    assert (seen.level, seen.reason) == ("Blind", "InvalidRule")
    assert seen.message


def about(*resources: str, names: tuple[str, ...] = ()) -> PolicyRule:
    return PolicyRule(
        level="Metadata", resources=(GroupResources(group="", resources=resources, resource_names=names),)
    )


@pytest.mark.parametrize(
    ("pattern", "resource", "fits"),
    [
        ("pods/*", "pods", True),
        ("pods/*", "pods/log", True),
        ("pods/*", "podtemplates", False),
        ("pods/*", "nodes/log", False),
        ("*/log", "pods/log", True),
        ("*/log", "pods/logs", False),
        ("*/", "pods", False),
        ("*/*", "pods/log", False),
        ("pods/log", "pods/log", True),
        ("pods/log", "pods", False),
        ("*", "pods/log", True),
    ],
)
def test_a_resource_of_a_policy_is_read_as_kube_apiserver_reads_it(pattern: str, resource: str, *, fits: bool) -> None:
    assert (fit_of(about(pattern), Question(verb="get", resource=resource)) == "All") is fits


@pytest.mark.parametrize(
    ("url", "path", "fits"),
    [
        ("*", "/metrics", True),
        ("/metrics", "/metrics", True),
        ("/metrics", "/metrics/x", False),
        ("/metrics*", "/metrics/x", True),
        ("/metrics/*", "/metrics", False),
        ("/m*", "/healthz", False),
    ],
)
def test_a_url_of_a_policy_fits_itself_or_what_begins_with_it(url: str, path: str, *, fits: bool) -> None:
    rule = PolicyRule(level="Metadata", non_resource_urls=(url,))

    assert (fit_of(rule, Question(verb="get", path=path)) == "All") is fits


@pytest.mark.parametrize(
    ("asked", "fit"), [(("a",), "All"), (("a", "b"), "Some"), (("b",), "None"), (("b", "c"), "None"), ((), "Some")]
)
def test_a_rule_for_some_users_or_namespaces_fits_all_some_or_none_of_those_asked_about(
    asked: tuple[str, ...], fit: str
) -> None:
    users, namespaces = (PolicyRule(level="Metadata", users=("a",)), PolicyRule(level="Metadata", namespaces=("a",)))

    assert fit_of(users, Question(verb="get", resource="pods", users=asked)) == fit
    assert fit_of(namespaces, Question(verb="get", resource="pods", namespaces=asked)) == fit


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("nonResourceURLs: [/x], namespaces: [a]", "about URLs or about resources"),
        ("nonResourceURLs: [/x], resources: [{group: ''}]", "about URLs or about resources"),
        ("nonResourceURLs: [x]", "'x' must begin with /"),
        ("nonResourceURLs: ['/x*/y']", "may have one * at its end"),
        ("resources: [{group: '', resourceNames: [a]}]", "resourceNames need resources"),
        ("resources: [{group: apps/v1}]", "group 'apps/v1' must have no version"),
        ("nonResourceURLs: ['*', '/x*', /y]", ""),
        ("resources: [{group: apps, resources: [a], resourceNames: [b]}, {group: ''}]", ""),
    ],
)
def test_a_policy_that_kube_apiserver_refuses_is_told_with_the_place_and_the_fix(rule: str, words: str) -> None:
    text = f"apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- {{level: Metadata}}\n- {{level: None, {rule}}}\n"
    if not words:
        assert len(read_policy(text).rules) == 2
        return
    with pytest.raises(PolicyError) as told:
        read_policy(text)

    assert words in str(told.value)
    assert str(told.value).startswith("rules[1]: ")
