"""The answers detection gets about one installed K10."""

from typing import Any

import msgspec

from auditwatch.detection.scope import K10View
from auditwatch.events.activity import Activity, Target
from auditwatch.k10.identity import K10Instance
from auditwatch.k10.view import EveryK10, InstalledK10

JSONObject = dict[str, Any]
K10 = InstalledK10(K10Instance(namespace="backup", service_account="k10", api_domain="kio.backup"))
LABELS = {
    "k10.kasten.io/policyName": "daily",
    "k10.kasten.io/appName": "shop",
    "k10.kasten.io/exportProfile": "offsite",
}


def _activity(group: str, resource: str, **bodies: Any) -> Activity:
    target = Target(group=group, version="v1alpha1", resource=resource, namespace="backup", name="it")
    return Activity(
        key="k", time=0, cluster="c", source="state", evidence="State", verb="update", target=target, **bodies
    )


def _content(**spec: object) -> JSONObject:
    return {"metadata": {"name": "it", "labels": LABELS}, "spec": spec}


def test_it_answers_what_detection_asks() -> None:
    view: K10View = K10
    assert view.group("config.kio.kasten.io") == "config.kio.backup"


def test_only_its_exact_account_is_k10() -> None:
    assert K10.is_k10_account("system:serviceaccount:backup:k10")
    assert not K10.is_k10_account("system:serviceaccount:backup:vbr-admin")
    assert not K10.is_k10_account("system:serviceaccount:kasten-io:k10-k10")


def test_the_dashboard_is_known_by_its_program_alone() -> None:
    assert K10.is_dashboard("dashboardbff-server/v0.0.0 (linux/amd64) kubernetes/$Format")
    assert not K10.is_dashboard("executor-server/v0.0.0")
    assert not K10.is_dashboard("mozilla dashboardbff-server/")


def test_its_pods_run_under_its_account_in_its_namespace() -> None:
    assert K10.is_k10_pod("backup", {"spec": {"serviceAccountName": "k10"}})
    assert not K10.is_k10_pod("backup", {"spec": {}})
    assert not K10.is_k10_pod("kasten-io-mc", {"spec": {"serviceAccountName": "k10"}})


def test_it_knows_what_the_api_server_stores_itself() -> None:
    assert K10.is_built_in("config.kio.backup")
    assert not K10.is_built_in("apps.kio.backup")


def test_its_namespaces_are_told() -> None:
    assert K10.namespaces == ("backup", "kasten-io-mc")


def test_lists_of_packs_learn_where_it_is_and_who() -> None:
    assert K10.lists["k10-namespaces"] == ("backup", "kasten-io-mc")
    assert K10.lists["k10-accounts"] == ("system:serviceaccount:backup:k10",)
    assert K10.lists["k10-service-accounts"] == ("k10",)


def test_elements_are_named_in_its_own_domain() -> None:
    assert K10.list_keys("config.kio.backup", "policies").key("spec.actions", {"action": "export"}) == "export"


def test_labels_of_the_new_object_are_facts() -> None:
    facts = K10.facts(_activity("apps.kio.backup", "restorepointcontents", object=_content(), old_object=None))
    assert (facts["policyName"], facts["appName"], facts["profileName"]) == ("daily", "shop", "offsite")
    assert facts["policies"] == ["daily"]


def test_a_deleted_object_is_known_by_its_old_labels() -> None:
    facts = K10.facts(_activity("apps.kio.backup", "restorepointcontents", object=None, old_object=_content()))
    assert facts["policyName"] == "daily"


def test_an_expiry_is_a_fact() -> None:
    body = _content(expiresAt="2027-01-01T00:00:00Z")
    assert K10.facts(_activity("apps.kio.backup", "restorepoints", object=body))["expiresAt"] == "2027-01-01T00:00:00Z"


def test_what_has_no_label_is_left_out() -> None:
    body: JSONObject = {"metadata": {"name": "it"}}
    assert K10.facts(_activity("apps.kio.backup", "restorepointcontents", object=body)) == {}


def test_a_policy_is_its_own_policy() -> None:
    facts = K10.facts(_activity("config.kio.backup", "policies", object={"metadata": {"name": "it"}}))
    assert facts == {"policyName": "it", "policyNamespace": "backup", "policies": ["it"]}


def test_a_profile_is_its_own_profile() -> None:
    facts = K10.facts(_activity("config.kio.backup", "profiles", object={"metadata": {"name": "it"}}))
    assert facts == {"profileName": "it"}


def test_an_action_has_its_own_name() -> None:
    facts = K10.facts(_activity("actions.kio.backup", "runactions", object={"metadata": {"name": "it"}}))
    assert facts == {"actionName": "it"}


def test_labels_of_a_body_nobody_saw_are_unset() -> None:
    facts = K10.facts(_activity("apps.kio.backup", "restorepointcontents"))
    assert facts["policyName"] is msgspec.UNSET
    assert "policies" not in facts


def test_several_are_asked_as_one_and_none_as_the_default() -> None:
    second = K10Instance(namespace="other", service_account="kk", api_domain="kio.other")
    both: K10View = EveryK10([K10.instance, second])
    activity = _activity("config.kio.backup", "policies")

    assert [both.is_k10_account(f"system:serviceaccount:{name}") for name in ("backup:k10", "other:kk")] == [True, True]
    assert not both.is_k10_account("system:serviceaccount:other:k10")
    assert both.is_k10_pod("other", {"spec": {"serviceAccountName": "kk"}})
    assert not both.is_k10_pod("other", {"spec": {"serviceAccountName": "k10"}})
    assert [both.is_built_in(group) for group in ("apps", "config.kio.backup", "config.kio.other")] == [
        True,
        False,
        False,
    ]
    assert (both.lists, both.group("kio.kasten.io")) == (K10.lists, K10.group("kio.kasten.io"))
    assert (both.facts(activity), both.list_keys("", "pods")) == (K10.facts(activity), K10.list_keys("", "pods"))
    assert both.is_dashboard("dashboardbff-svc") is K10.is_dashboard("dashboardbff-svc")
    assert EveryK10([]).is_k10_account("system:serviceaccount:kasten-io:k10-k10")
