"""The shipped RBAC is exactly what the code reads: a right more is a finding against us, a right less a blind rule."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from auditwatch.k10.groups import AUDITWATCH
from auditwatch.k10.identity import K10Instance
from auditwatch.k10.kinds import Scope, kinds_of
from auditwatch.runtime import canaries, proving
from auditwatch.sources.k10stream.canary import CANARY_NAME, GROUP, RESOURCE

MANIFESTS = Path(__file__).parents[3] / "manifests"
FORBIDDEN_VERBS = {"*", "update", "delete", "deletecollection", "escalate", "bind", "impersonate"}
UNREADABLE = {"secrets", "passkeys", "exportactions"}
OF_K10 = ("rbac-k10.yaml", "rbac-multicluster.yaml", "rbac-audit.yaml")


def objects(name: str) -> list[dict[str, Any]]:
    return [each for each in yaml.safe_load_all((MANIFESTS / name).read_text()) if each]


def granted(role: str) -> dict[tuple[str, str], set[str]]:
    rights: dict[tuple[str, str], set[str]] = {}
    for each in objects("rbac-k10.yaml"):
        if each["kind"] == "ClusterRole" and each["metadata"]["name"] == role:
            for rule in each["rules"]:
                for group in rule["apiGroups"]:
                    for resource in rule["resources"]:
                        rights.setdefault((group, resource), set()).update(rule["verbs"])
    return rights


def watched(*, in_k10_only: bool) -> set[tuple[str, str]]:
    kinds = [kind for kind in kinds_of(K10Instance()) if kind.group != AUDITWATCH]
    return {(kind.group, kind.resource) for kind in kinds if (kind.scope is Scope.K10) is in_k10_only}


def test_the_reader_may_list_and_watch_every_kind_of_the_table() -> None:
    rights = granted("k10-auditwatch-reader")

    assert {kind for kind in watched(in_k10_only=False) if not {"list", "watch"} <= rights.get(kind, set())} == set()


def test_the_reader_may_read_nothing_else_but_what_finds_k10() -> None:
    rights = granted("k10-auditwatch-reader")

    assert set(rights) - watched(in_k10_only=False) == {("apps", "deployments")}
    assert rights["apps", "deployments"] == {"list"}
    assert rights["", "namespaces"] == {"get", "list", "watch"}


def test_in_k10s_namespaces_it_reads_the_kinds_kept_there() -> None:
    rights = granted("k10-auditwatch-reader-of-k10")

    assert set(rights) == watched(in_k10_only=True)
    assert all(verbs == {"list", "watch"} for verbs in rights.values())


def test_those_rights_are_bound_in_k10s_namespaces_only() -> None:
    assert set(bound_in("k10-auditwatch-reader-of-k10")) == set(K10Instance().namespaces)


def test_a_namespace_that_a_plain_k10_does_not_have_is_left_to_a_file_of_its_own() -> None:
    bindings = [each for each in objects("rbac-k10.yaml") if each["kind"] == "RoleBinding"]

    assert {each["metadata"]["namespace"] for each in bindings} == {K10Instance().namespace}


def rules_of(role: str) -> list[dict[str, Any]]:
    [found] = [
        each
        for name in OF_K10
        for each in objects(name)
        if each["kind"] == "ClusterRole" and each["metadata"]["name"] == role
    ]
    return list(found["rules"])


def bound_in(role: str) -> list[str]:
    return [
        each["metadata"]["namespace"]
        for name in OF_K10
        for each in objects(name)
        if each["kind"] == "RoleBinding" and each["roleRef"]["name"] == role
    ]


def test_of_k10s_stream_it_reads_logs_and_asks_for_one_name_that_nothing_bears() -> None:
    assert bound_in("k10-auditwatch-k10-stream") == [K10Instance().namespace]
    assert rules_of("k10-auditwatch-k10-stream") == [
        {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
        {"apiGroups": [GROUP], "resources": [RESOURCE], "resourceNames": [CANARY_NAME], "verbs": ["get"]},
    ]


def test_an_audit_source_is_proven_by_a_get_of_one_name_and_a_delete_that_is_refused() -> None:
    assert bound_in("k10-auditwatch-audit-canary") == [K10Instance().namespace]
    assert rules_of("k10-auditwatch-audit-canary") == [
        {
            "apiGroups": [proving.GROUP],
            "resources": [proving.RESOURCE],
            "resourceNames": [canaries.CANARY_NAME],
            "verbs": sorted(set(proving.VERBS) - {"delete"}),
        }
    ]
    assert "delete" in proving.VERBS


def test_no_role_of_the_operator_writes_to_k10_or_reads_secrets() -> None:
    roles = [each for name in (*OF_K10, "rbac-own.yaml") for each in objects(name) if "rules" in each]
    assert len(roles) >= 6

    for role in roles:
        for rule in role["rules"]:
            assert not UNREADABLE & set(rule["resources"]), role["metadata"]["name"]
            assert "*" not in {*rule["apiGroups"], *rule["resources"]}
            writes = set(rule["verbs"]) - {"get", "list", "watch"}
            assert not writes or not any("kio.kasten.io" in group for group in rule["apiGroups"])


def test_the_only_update_is_that_of_the_named_lease() -> None:
    dangerous = [
        rule
        for name in (*OF_K10, "rbac-own.yaml")
        for each in objects(name)
        for rule in each.get("rules", [])
        if FORBIDDEN_VERBS & set(rule["verbs"])
    ]

    assert dangerous == [
        {
            "apiGroups": ["coordination.k8s.io"],
            "resources": ["leases"],
            "resourceNames": ["k10-auditwatch"],
            "verbs": ["get", "update"],
        }
    ]


def test_the_deployment_is_as_restricted_as_pod_security_asks() -> None:
    pod = objects("deployment.yaml")[0]["spec"]["template"]["spec"]
    container = pod["containers"][0]["securityContext"]

    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
