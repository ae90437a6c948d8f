"""Finding K10 in a cluster, and not finding somebody who poses as it."""

from typing import Any

from auditwatch.k10.identity import K10Instance, find_k10

JSONObject = dict[str, Any]


def _deployment(namespace: str, account: str | None = "k10-k10", name: str = "aggregatedapis-svc") -> JSONObject:
    pod = {} if account is None else {"serviceAccountName": account}
    return {"metadata": {"name": name, "namespace": namespace}, "spec": {"template": {"spec": pod}}}


def _api_service(namespace: str, group: str = "apps.kio.kasten.io", service: str = "aggregatedapis-svc") -> JSONObject:
    return {"spec": {"group": group, "service": {"name": service, "namespace": namespace}}}


def test_k10_is_found_by_its_api_servers_deployment() -> None:
    assert find_k10([_deployment("web", name="shop"), _deployment("kasten-io")]) == (K10Instance(),)


def test_its_account_is_the_one_its_pods_run_under() -> None:
    (found,) = find_k10([_deployment("backup", "k10-metering")])
    assert found.account == "system:serviceaccount:backup:k10-metering"


def test_pods_without_an_account_run_under_default() -> None:
    assert find_k10([_deployment("backup", None)])[0].service_account == "default"


def test_its_namespaces_are_its_own_and_the_multi_cluster_one() -> None:
    assert K10Instance(namespace="backup").namespaces == ("backup", "kasten-io-mc")


def test_its_api_domain_is_what_its_registrations_say() -> None:
    (found,) = find_k10([_deployment("backup-k10")], [_api_service("backup-k10", "vault.kio.backup.k10")])
    assert found.api_domain == "kio.backup.k10"


def test_who_is_not_registered_is_not_k10_where_somebody_is() -> None:
    found = find_k10([_deployment("attacker", "mine"), _deployment("kasten-io")], [_api_service("kasten-io")])
    assert [instance.namespace for instance in found] == ["kasten-io"]


def test_without_any_registration_all_candidates_are_told() -> None:
    found = find_k10([_deployment("zeta"), _deployment("alpha")], [_api_service("kube-system", "metrics.k8s.io", "m")])
    assert [(instance.name, instance.namespace) for instance in found] == [("default", "alpha"), ("zeta", "zeta")]


def test_registrations_that_kube_apiserver_answers_itself_are_no_help() -> None:
    assert find_k10([_deployment("kasten-io")], [{"spec": {"group": "apps", "service": None}}]) == (K10Instance(),)


def test_two_registered_k10s_are_both_found() -> None:
    services = [_api_service("b", "apps.kio.b"), _api_service("a", "apps.kio.a")]
    found = find_k10([_deployment("b"), _deployment("a")], services)
    assert [(instance.name, instance.api_domain) for instance in found] == [("default", "kio.a"), ("b", "kio.b")]


def test_a_cluster_without_k10_has_none() -> None:
    assert find_k10([_deployment("web", name="shop")]) == ()
