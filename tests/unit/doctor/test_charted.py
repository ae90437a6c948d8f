"""The doctor against what the chart renders, under the names and with the values that people choose."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from auditwatch.cluster.access import Permission
from auditwatch.doctor.commands import installation_of
from auditwatch.doctor.installed import (
    account_of,
    claims_of,
    configuration_in,
    configured,
    is_ours,
    leads_to_webhook,
    pods_selected,
    settings_of,
)
from auditwatch.doctor.rights import MULTICLUSTER, needed
from auditwatch.k10.identity import K10Instance
from tests.unit.chart.rendering import NAMESPACE, objects

Object = dict[str, Any]
WEBHOOK = """
webhook: {enabled: true, clusterIP: 10.96.0.77, tokensSecretName: a, instances: [{name: cp-1, tokenKey: cp-1}]}
"""
RENAMED = "{nameOverride: eye, lease: {name: of-mine}, serviceAccount: {name: seer}}"
FULLY = "{fullnameOverride: sentinel}"
VALUES = ["", "agent: {enabled: true}", WEBHOOK, RENAMED, FULLY, "persistence: {enabled: false}"]


def the_deployment(values: str) -> Object:
    (found,) = [each for each in objects(values, "Deployment") if is_ours(each)]
    return found


def configuration_of(values: str) -> Any:
    place = settings_of([the_deployment(values)])
    (held,) = [each for each in objects(values, "ConfigMap") if each["metadata"]["name"] == place]
    return configured(configuration_in(held))


def allowed(values: str, account: str) -> Iterator[tuple[str, Object]]:
    """(namespace or nothing for all, rule) of everything that is bound to a service account."""
    roles = {(e["kind"], e["metadata"].get("namespace"), e["metadata"]["name"]): e for e in objects(values)}
    for each in objects(values, "RoleBinding", "ClusterRoleBinding"):
        if account in [f"{to.get('namespace')}/{to['name']}" for to in each.get("subjects") or ()]:
            ref, namespace = each["roleRef"], each["metadata"].get("namespace")
            role = roles[ref["kind"], namespace if ref["kind"] == "Role" else None, ref["name"]]
            yield from ((namespace or "", rule) for rule in role["rules"])


def grants(namespace: str, rule: Object, asked: Permission) -> bool:
    names = rule.get("resourceNames")
    return (
        namespace in ("", asked.namespace)
        and asked.verb in rule["verbs"]
        and asked.group in rule["apiGroups"]
        and asked.resource in rule["resources"]
        and (not names or asked.name in names)
    )


def lacking(values: str, *multicluster: str) -> dict[str, list[Permission]]:
    account = account_of([the_deployment(values)], NAMESPACE)
    held = list(allowed(values, account))
    assert held, account
    features = needed(NAMESPACE, [K10Instance()], configuration_of(values), multicluster)
    return {
        feature: gone
        for feature, needs in features.items()
        if (gone := [each for each in needs if not any(grants(where, rule, each) for where, rule in held)])
    }


@pytest.mark.parametrize("values", VALUES)
def test_nothing_is_asked_for_that_the_chart_does_not_grant(values: str) -> None:
    assert lacking(values) == {}


def test_a_multicluster_namespace_that_is_there_and_not_bound_is_one_feature() -> None:
    bound = "k10s: [{namespace: kasten-io, multicluster: true}]"

    assert list(lacking("", "kasten-io-mc")) == [MULTICLUSTER]
    assert lacking(bound, "kasten-io-mc") == {}


@pytest.mark.parametrize("values", VALUES)
def test_an_operator_is_found_under_every_name_with_its_settings_and_journal(values: str) -> None:
    held = the_deployment(values)
    chosen = yaml.safe_load(values) or {}

    assert configuration_of(values).lease == (chosen.get("lease") or {}).get("name", "k10-auditwatch")
    assert bool(claims_of([held])) == (chosen.get("persistence", {}).get("enabled", True))
    assert pods_selected([held]).items() <= held["spec"]["template"]["metadata"]["labels"].items()


def test_agents_are_found_by_what_they_are_part_of() -> None:
    assert [is_ours(each) for each in objects("{agent: {enabled: true}, nameOverride: eye}", "DaemonSet")] == [True]


@pytest.mark.parametrize("values", [WEBHOOK, "agent: {enabled: true}", "{agent: {enabled: true}, nameOverride: eye}"])
def test_the_webhooks_service_is_told_from_the_one_for_metrics(values: str) -> None:
    held, ports = [the_deployment(values)], configuration_of(values).ports
    leading = [each["metadata"]["name"] for each in objects(values, "Service") if leads_to_webhook(each, held, ports)]

    assert leading == [f"{held[0]['metadata']['name']}-webhook"]


def test_a_release_is_known_by_the_mark_that_helm_sets_and_nothing_else() -> None:
    rendered = the_deployment("")
    installed = rendered | {
        "metadata": {**rendered["metadata"], "annotations": {"meta.helm.sh/release-name": "my-release"}}
    }

    assert installation_of([installed], NAMESPACE).change("a=b", manifest="") == (
        "helm upgrade my-release charts/k10-auditwatch --namespace k10-auditwatch --reuse-values --set a=b"
    )
    assert installation_of([rendered], NAMESPACE).change("a=b", manifest="--kustomize manifests") == (
        "kubectl apply --kustomize manifests"
    )
