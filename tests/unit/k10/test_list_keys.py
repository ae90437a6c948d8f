"""What names the elements of K10's lists, seen through the differ that asks."""

from typing import Any

import pytest

from auditwatch.detection.changes import diff
from auditwatch.k10.list_keys import _remembered_keys, list_keys

JSONObject = dict[str, Any]
CONFIG = "config.kio.kasten.io"
RBAC = "rbac.authorization.k8s.io"


def _paths(group: str, resource: str, old: JSONObject, new: JSONObject) -> list[str]:
    return [change.path for change in diff(old, new, list_keys=list_keys(group, resource))]


@pytest.mark.parametrize("group", [CONFIG, "config.kio.backup.k10"])
def test_actions_of_a_policy_go_by_what_they_do(group: str) -> None:
    old, new = ({"spec": {"actions": [{"action": "export", "retention": {"daily": n}}]}} for n in (7, 1))
    new["spec"]["actions"].insert(0, {"action": "backup"})
    assert _paths(group, "policies", old, new) == [
        "spec.actions[backup].action",
        "spec.actions[export].retention.daily",
    ]


def test_requirements_of_a_selector_go_by_key_and_operator() -> None:
    old, new = (
        {"spec": {"selector": {"matchExpressions": [{"key": "app", "operator": "In", "values": values}]}}}
        for values in (["a", "b"], ["a"])
    )
    assert _paths(CONFIG, "policies", old, new) == ["spec.selector.matchExpressions[app/In].values"]


def test_requirements_of_a_webhooks_namespaces_go_by_key_and_operator() -> None:
    old, new = (
        {"webhooks": [{"name": "a", "namespaceSelector": {"matchExpressions": [*first, _requirement("In", "shop")]}}]}
        for first in ([], [_requirement("NotIn", "kube-system")])
    )
    within = "webhooks[a].namespaceSelector.matchExpressions[kubernetes.io/metadata.name/NotIn]"
    admission = "admissionregistration.k8s.io"
    assert _paths(admission, "validatingwebhookconfigurations", old, new) == [
        f"{within}.key",
        f"{within}.operator",
        f"{within}.values",
    ]


def _requirement(operator: str, *values: str) -> JSONObject:
    return {"key": "kubernetes.io/metadata.name", "operator": operator, "values": list(values)}


def test_filters_are_a_set() -> None:
    def policy(*excluded: JSONObject) -> JSONObject:
        filters = {"excludeResources": list(excluded)}
        return {"spec": {"actions": [{"action": "backup", "backupParameters": {"filters": filters}}]}}

    events, secrets = {"resource": "events"}, {"resource": "secrets"}
    assert _paths(CONFIG, "policies", policy(events, secrets), policy(secrets, events)) == []
    (added,) = _paths(CONFIG, "policies", policy(events), policy(secrets, events))
    assert added.startswith("spec.actions[backup].backupParameters.filters.excludeResources[")


@pytest.mark.parametrize("resource", ["clusterroles", "roles"])
def test_rules_of_a_role_are_a_set(resource: str) -> None:
    one, two = ({"apiGroups": [group], "resources": ["x"], "verbs": ["get"]} for group in ("a", "b"))
    assert _paths(RBAC, resource, {"rules": [one, two]}, {"rules": [two, one]}) == []
    assert len(_paths(RBAC, resource, {"rules": [one]}, {"rules": [one, two]})) == 3


@pytest.mark.parametrize("resource", ["clusterrolebindings", "rolebindings"])
def test_subjects_go_by_kind_namespace_and_name(resource: str) -> None:
    user, account = {"kind": "User", "name": "a"}, {"kind": "ServiceAccount", "namespace": "n", "name": "a"}
    assert _paths(RBAC, resource, {"subjects": [user]}, {"subjects": [account, user]}) == [
        "subjects[ServiceAccount/n/a].kind",
        "subjects[ServiceAccount/n/a].name",
        "subjects[ServiceAccount/n/a].namespace",
    ]


def test_containers_and_their_variables_go_by_name() -> None:
    def pod(value: str, *more: JSONObject) -> JSONObject:
        return {"spec": {"containers": [*more, {"name": "main", "env": [{"name": "A", "value": value}]}]}}

    assert _paths("apps", "deployments", pod("1"), pod("2", {"name": "side"})) == [
        "spec.containers[main].env[A].value",
        "spec.containers[side].name",
    ]


def test_mounts_go_by_where_they_are() -> None:
    old, new = (
        {"spec": {"containers": [{"name": "c", "volumeMounts": [{"name": "v", "mountPath": "/a", "readOnly": flag}]}]}}
        for flag in (True, False)
    )
    assert _paths("apps", "deployments", old, new) == ["spec.containers[c].volumeMounts[/a].readOnly"]


def test_owners_go_by_uid() -> None:
    old, new = ({"metadata": {"ownerReferences": [{"uid": "u", "name": name}]}} for name in ("a", "b"))
    assert _paths("", "pods", old, new) == ["metadata.ownerReferences[u].name"]


def test_elements_without_a_name_go_by_index() -> None:
    old, new = ({"spec": {"tolerations": [{"key": key}]}} for key in ("a", "b"))
    assert _paths("apps", "deployments", old, new) == ["spec.tolerations[0].key"]


def test_a_name_that_is_no_text_is_no_key() -> None:
    assert list_keys("", "pods").key("spec.containers", {"name": 7}) is None


def test_content_too_deep_to_be_encoded_has_no_key() -> None:
    element: JSONObject = {}
    for _ in range(200_000):
        element = {"x": element}
    assert list_keys(RBAC, "roles").key("rules", element) is None


def test_the_key_of_content_does_not_depend_on_the_order_of_its_fields() -> None:
    keys = list_keys(RBAC, "roles")
    assert keys.key("rules", {"a": 1, "b": 2}) == keys.key("rules", {"b": 2, "a": 1})
    assert keys.key("rules", {"a": 1}) != keys.key("rules", {"a": 2})


def test_the_keys_of_a_kind_with_a_long_name_are_not_remembered() -> None:
    before = _remembered_keys.cache_info().currsize

    assert list_keys("x" * 1_000_000, "policies").declared == {}
    assert _remembered_keys.cache_info().currsize == before
