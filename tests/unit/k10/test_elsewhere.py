"""A K10 that is not where the documentation has it: every group, kind, label and account under another domain."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from auditwatch.events.activity import Activity, Target
from auditwatch.k10.facts import facts
from auditwatch.k10.groups import (
    CUSTOM_FAMILIES,
    DOCUMENTED_DOMAIN,
    KANISTER,
    documented,
    family,
    in_domain,
    is_built_in,
    namespaced_domain,
)
from auditwatch.k10.identity import MULTICLUSTER_NAMESPACE, K10Instance, find_k10
from auditwatch.k10.kinds import WATCHED_KINDS, Keep, Scope, Serving, WatchedKind, kinds_of, namespaces_of
from auditwatch.k10.labels import FIELDS, PREFIX, k10_labels
from auditwatch.k10.list_keys import list_keys
from auditwatch.k10.shown import ShownKinds
from auditwatch.k10.view import InstalledK10

JSONObject = dict[str, Any]
DOMAINS = ("kio.backup", "kio.team.a", "kio.veeam", namespaced_domain("kasten-io-two"))
ELSEWHERE = K10Instance(name="two", namespace="team-a", service_account="k10", api_domain="kio.team.a")
VIEW = InstalledK10(ELSEWHERE)
OF_K10 = [kind for kind in WATCHED_KINDS if kind.group.endswith(DOCUMENTED_DOMAIN)]
LABELLED = {PREFIX + name: f"value-of-{name}" for name in FIELDS}


def activity(group: str, resource: str, *, namespace: str = "team-a", name: str = "it", **bodies: Any) -> Activity:
    target = Target(group=group, version="v1alpha1", resource=resource, namespace=namespace, name=name)
    return Activity(
        key="k", time=0, cluster="c", source="state", evidence="State", verb="update", target=target, **bodies
    )


def body(**labels: str) -> JSONObject:
    return {"metadata": {"name": "it", "labels": labels}, "spec": {}}


@pytest.mark.parametrize("domain", DOMAINS)
@pytest.mark.parametrize("kind", OF_K10, ids=lambda kind: kind.key)
def test_a_group_has_the_same_family_in_every_domain_and_its_documented_name_is_found_again(
    kind: WatchedKind, domain: str
) -> None:
    served = in_domain(kind.group, domain)
    assert served.endswith(f".{domain}")
    assert family(served) == family(kind.group) != ""
    assert documented(served, domain) == kind.group
    assert documented(kind.group, domain) == kind.group, "what is documented already stays so"


@pytest.mark.parametrize("domain", DOMAINS)
def test_names_that_end_in_a_group_are_turned_as_well(domain: str) -> None:
    name = "policies.config.kio.kasten.io"
    assert in_domain(name, domain) == f"policies.config.{domain}"
    assert documented(f"policies.config.{domain}", domain) == name


@pytest.mark.parametrize("name", ["kio.kasten.io", "x.kio.kasten.io.example", "apps", "", "config.kio.kasten.iox"])
def test_what_only_looks_like_a_group_of_k10_is_left_alone(name: str) -> None:
    assert in_domain(name, "kio.backup") == name


@pytest.mark.parametrize("domain", DOMAINS)
def test_custom_resources_of_this_domain_are_kept_by_kube_apiserver_and_those_of_another_are_not(domain: str) -> None:
    for name in CUSTOM_FAMILIES:
        assert is_built_in(f"{name}.{domain}", domain)
        assert not is_built_in(f"{name}.kio.someone.else", domain)
    for name in ("apps", "actions", "vault", "repositories", "dr"):
        assert not is_built_in(f"{name}.{domain}", domain)
    assert is_built_in(KANISTER, domain)


@pytest.mark.parametrize("domain", DOMAINS)
def test_the_table_of_kinds_differs_in_groups_alone(domain: str) -> None:
    served = kinds_of(K10Instance(api_domain=domain))
    assert [(kind.resource, kind.scope, kind.keep, kind.serving, kind.optional) for kind in served] == [
        (kind.resource, kind.scope, kind.keep, kind.serving, kind.optional) for kind in WATCHED_KINDS
    ]
    changed = [kind for kind, was in zip(served, WATCHED_KINDS, strict=True) if kind.group != was.group]
    assert len(changed) == len(OF_K10)


@pytest.mark.parametrize("kind", WATCHED_KINDS, ids=lambda kind: kind.key)
def test_what_is_kept_as_facts_is_reduced_the_same_in_every_domain(kind: WatchedKind) -> None:
    whole: JSONObject = {"metadata": {"name": "it", "labels": LABELLED}, "spec": {"odd": 1}, "status": {"phase": "x"}}
    kept = facts(in_domain(kind.group, "kio.backup"), kind.resource, whole)
    assert kept == facts(kind.group, kind.resource, whole)
    assert (kept is whole) == (kind.keep is Keep.OBJECT)
    if kind.keep is Keep.FACTS:
        assert kept["metadata"] == {"name": "it", "labels": LABELLED}


@pytest.mark.parametrize("kind", WATCHED_KINDS, ids=lambda kind: kind.key)
def test_lists_have_the_same_keys_in_every_domain(kind: WatchedKind) -> None:
    served = in_domain(kind.group, "kio.backup")
    assert list_keys(served, kind.resource).declared == list_keys(kind.group, kind.resource).declared


@pytest.mark.parametrize("name", FIELDS)
def test_each_label_is_a_fact_under_its_own_name(name: str) -> None:
    found = VIEW.facts(activity("apps.kio.team.a", "restorepoints", object=body(**{PREFIX + name: "v"})))
    assert found[name] == "v"
    extra = {"policies"} if name == "policyName" else {"profileName"} if name == "exportProfile" else set()
    assert set(found) == {name, *extra}


def test_all_labels_are_kept_in_their_order_and_others_are_not() -> None:
    mixed = {"app": "x", **dict(reversed(LABELLED.items())), f"{PREFIX}unknown": "y", "policyName": "z"}
    assert list(k10_labels({"metadata": {"labels": mixed}}).items()) == list(LABELLED.items())
    assert k10_labels({"metadata": {"labels": None}}) == k10_labels({}) == {}


@pytest.mark.parametrize("odd", [{"metadata": []}, {"metadata": {"labels": "x"}}, {"spec": "x"}, {"metadata": None}])
def test_a_body_of_an_odd_shape_has_no_labels_and_harms_nothing(odd: JSONObject) -> None:
    assert VIEW.facts(activity("apps.kio.team.a", "restorepoints", object=odd)) == {}


def test_the_object_after_a_request_counts_before_the_one_before_it() -> None:
    before, after = body(**{f"{PREFIX}policyName": "old"}), body(**{f"{PREFIX}policyName": "new"})
    both = activity("apps.kio.team.a", "restorepoints", object=after, old_object=before)
    assert VIEW.facts(both)["policyName"] == "new"
    gone = activity("apps.kio.team.a", "restorepoints", object=None, old_object=before)
    assert (VIEW.facts(gone)["policyName"], VIEW.facts(gone)["policies"]) == ("old", ["old"])


@pytest.mark.parametrize("group", ["config.kio.team.a", "config.kio.kasten.io"])
def test_a_policy_and_a_profile_are_themselves_in_any_domain_even_unseen(group: str) -> None:
    policy = VIEW.facts(activity(group, "policies", name="daily"))
    assert (policy["policyName"], policy["policyNamespace"], policy["policies"]) == ("daily", "team-a", ["daily"])
    assert policy["appName"] is msgspec.UNSET, "nobody saw its labels"
    profile = VIEW.facts(activity(group, "profiles", name="s3"))
    assert profile["profileName"] == "s3"
    assert "policies" not in profile


def test_something_else_called_policies_is_no_policy() -> None:
    assert "policyName" not in VIEW.facts(activity("kyverno.io", "policies", object=body()))


def test_an_action_without_a_name_has_none() -> None:
    assert VIEW.facts(activity("actions.kio.team.a", "backupactions", name="", object=body())) == {}
    found = VIEW.facts(activity("actions.kio.team.a", "backupactions", name="run-1", object=body()))
    assert found == {"actionName": "run-1"}


def test_a_pod_is_k10s_by_namespace_and_account_and_nothing_else() -> None:
    pod = {"spec": {"serviceAccountName": "k10"}, "metadata": {"labels": {"app": "k10"}}}
    assert VIEW.is_k10_pod("team-a", pod)
    assert not VIEW.is_k10_pod("kasten-io", pod)
    assert not VIEW.is_k10_pod(MULTICLUSTER_NAMESPACE, pod), "its objects are there, its pods are not"
    assert not VIEW.is_k10_pod("team-a", {"spec": {"serviceAccountName": "k10-other"}})
    assert not VIEW.is_k10_pod("team-a", {"spec": {}}), "that one runs under default"
    assert not VIEW.is_k10_pod("team-a", {"spec": "odd"})


def test_a_k10_under_the_default_account_has_the_pods_that_name_none() -> None:
    plain = InstalledK10(K10Instance(namespace="team-a", service_account="default"))
    assert plain.is_k10_pod("team-a", {"spec": {}})
    assert plain.is_k10_pod("team-a", {})


@pytest.mark.parametrize("agent", ["dashboardbff-server", "dashboardbff-server/v1 (linux)"])
def test_the_dashboard_is_known_with_or_without_a_version(agent: str) -> None:
    assert VIEW.is_dashboard(agent)


@pytest.mark.parametrize("agent", ["", "dashboardbff-server2/v1", "x dashboardbff-server/v1", "Dashboardbff-server/v1"])
def test_who_only_resembles_the_dashboard_is_not_it(agent: str) -> None:
    assert not VIEW.is_dashboard(agent)


def test_kinds_are_shown_under_the_groups_that_are_served_and_in_the_namespaces_that_are_read() -> None:
    shown = ShownKinds([ELSEWHERE])
    assert shown.shows("config.kio.team.a", "policies", "anywhere")
    assert not shown.shows("config.kio.kasten.io", "policies", "anywhere")
    assert shown.shows("", "pods", "team-a")
    assert shown.shows("", "pods", MULTICLUSTER_NAMESPACE)
    assert not shown.shows("", "pods", "kasten-io")
    assert not shown.shows("", "secrets", "team-a")


def test_of_two_k10s_both_are_shown_and_their_pods_too() -> None:
    shown = ShownKinds([K10Instance(), ELSEWHERE])
    for group in ("config.kio.kasten.io", "config.kio.team.a"):
        assert shown.shows(group, "policies", "x")
    assert shown.shows("", "pods", "kasten-io")
    assert shown.shows("", "pods", "team-a")


@pytest.mark.parametrize("kind", kinds_of(ELSEWHERE), ids=lambda kind: kind.key)
def test_only_what_kube_apiserver_keeps_passes_it(kind: WatchedKind) -> None:
    passes = ShownKinds([ELSEWHERE]).passes_apiserver(kind.group, kind.resource)
    assert passes == (kind.serving is not Serving.AGGREGATED)
    assert not ShownKinds([ELSEWHERE]).passes_apiserver(kind.group, f"{kind.resource}x")


def test_kinds_of_k10s_own_namespaces_are_read_there_once_each_and_in_order() -> None:
    instances = [ELSEWHERE, K10Instance(), ELSEWHERE]
    for kind in WATCHED_KINDS:
        wanted = ("kasten-io", MULTICLUSTER_NAMESPACE, "team-a") if kind.scope is Scope.K10 else ()
        assert namespaces_of(kind, instances) == wanted


def test_packs_are_told_where_it_is_and_as_whom_it_acts() -> None:
    assert VIEW.lists == {
        "k10-namespaces": ("team-a", MULTICLUSTER_NAMESPACE),
        "k10-accounts": ("system:serviceaccount:team-a:k10",),
        "k10-service-accounts": ("k10",),
    }


def deployment(namespace: str, **spec: Any) -> JSONObject:
    return {"metadata": {"name": "aggregatedapis-svc", "namespace": namespace}, "spec": {"template": {"spec": spec}}}


def registration(group: str, namespace: str, name: str = "aggregatedapis-svc") -> JSONObject:
    return {"spec": {"group": group, "service": {"name": name, "namespace": namespace}}}


def test_the_first_by_namespace_is_the_default_one_and_others_are_called_by_theirs() -> None:
    found = find_k10(
        [deployment("team-b", serviceAccountName="k10"), deployment("team-a", serviceAccountName="k10")],
        [registration("apps.kio.team.a", "team-a"), registration("actions.kio.team.b", "team-b")],
    )
    assert [(each.name, each.namespace, each.api_domain) for each in found] == [
        ("default", "team-a", "kio.team.a"),
        ("team-b", "team-b", "kio.team.b"),
    ]


def test_a_registration_of_another_service_names_no_k10() -> None:
    found = find_k10([deployment("team-a")], [registration("apps.kio.team.a", "team-a", name="metrics-server")])
    assert [(each.api_domain, each.service_account) for each in found] == [(DOCUMENTED_DOMAIN, "default")]


@pytest.mark.parametrize(
    "odd", [{}, {"spec": {}}, {"spec": {"service": None, "group": "a.b"}}, {"spec": {"group": ""}}]
)
def test_a_registration_of_an_odd_shape_is_passed_over(odd: JSONObject) -> None:
    assert len(find_k10([deployment("team-a"), {"metadata": {}}, {}], [odd])) == 1
