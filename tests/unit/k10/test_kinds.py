"""The table of kinds: complete enough for the rules, and never holding a secret."""

import pytest

from auditwatch.k10.groups import family
from auditwatch.k10.identity import K10Instance
from auditwatch.k10.kinds import (
    NEVER_WATCHED,
    WATCHED_KINDS,
    Keep,
    Scope,
    Serving,
    WatchedKind,
    kinds_of,
    namespaces_of,
)

BY_KEY = {kind.key: kind for kind in WATCHED_KINDS}


def _id(kind: WatchedKind) -> str:
    return kind.key


def test_every_kind_stands_once() -> None:
    assert len(BY_KEY) == len(WATCHED_KINDS)


def test_what_could_hold_a_secret_is_never_watched() -> None:
    assert sorted(NEVER_WATCHED) == ["exportactions", "passkeys", "secrets"]
    assert NEVER_WATCHED.isdisjoint(kind.resource for kind in WATCHED_KINDS)


def test_kinds_of_the_core_group_are_named_without_it() -> None:
    assert BY_KEY["namespaces"].group == ""


@pytest.mark.parametrize("kind", [kind for kind in WATCHED_KINDS if family(kind.group)], ids=_id)
def test_k10s_kinds_are_read_wherever_they_are(kind: WatchedKind) -> None:
    assert kind.scope in {Scope.EVERYWHERE, Scope.CLUSTER}
    assert kind.version == "v1alpha1"
    assert kind.serving is not Serving.BUILT_IN


@pytest.mark.parametrize("family_name", ["apps", "actions"])
def test_the_inventory_is_kept_as_facts(family_name: str) -> None:
    kept = {kind.keep for kind in WATCHED_KINDS if family(kind.group) == family_name}
    assert kept == {Keep.FACTS}


@pytest.mark.parametrize(
    "key", ["config.kio.kasten.io/policies", "config.kio.kasten.io/profiles", "cr.kanister.io/blueprints"]
)
def test_configuration_is_kept_whole(key: str) -> None:
    assert BY_KEY[key].keep is Keep.OBJECT


@pytest.mark.parametrize("key", ["apps/deployments", "apps/statefulsets", "configmaps", "pods"])
def test_workloads_are_read_in_k10s_namespaces_only(key: str) -> None:
    instances = (K10Instance(), K10Instance(namespace="backup"))
    assert namespaces_of(BY_KEY[key], instances) == ("backup", "kasten-io", "kasten-io-mc")


@pytest.mark.parametrize("key", ["namespaces", "config.kio.kasten.io/policies", "rbac.authorization.k8s.io/roles"])
def test_other_kinds_take_one_list_over_the_cluster(key: str) -> None:
    assert namespaces_of(BY_KEY[key], (K10Instance(),)) == ()


@pytest.mark.parametrize(
    ("key", "scope"),
    [
        ("apps.kio.kasten.io/restorepoints", Scope.EVERYWHERE),
        ("apps.kio.kasten.io/restorepointcontents", Scope.CLUSTER),
        ("actions.kio.kasten.io/retireactions", Scope.CLUSTER),
        ("rbac.authorization.k8s.io/clusterroles", Scope.CLUSTER),
        ("rbac.authorization.k8s.io/rolebindings", Scope.EVERYWHERE),
    ],
)
def test_scopes_are_those_of_the_apis(key: str, scope: Scope) -> None:
    assert BY_KEY[key].scope is scope


def test_an_installed_k10s_kinds_are_in_its_domain() -> None:
    keys = {kind.key for kind in kinds_of(K10Instance(api_domain="kio.backup"))}
    assert {"config.kio.backup/policies", "cr.kanister.io/blueprints", "apps/deployments"} <= keys
    assert not any("kasten.io/" in key for key in keys)


def test_what_every_k10_serves_is_not_optional() -> None:
    needed = {"config.kio.kasten.io/policies", "config.kio.kasten.io/profiles", "apps.kio.kasten.io/restorepoints"}
    assert not any(BY_KEY[key].optional for key in needed)
