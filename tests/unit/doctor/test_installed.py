"""What Deployments and ConfigMaps tell of the operator and of K10."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from auditwatch.cluster.access import Permission
from auditwatch.doctor.facts import Unread
from auditwatch.doctor.installed import (
    DEFAULT_WATCH,
    Configured,
    account_of,
    claims_of,
    configuration_in,
    configured,
    settings_of,
)
from auditwatch.doctor.k10versions import stream_is_on, version_of
from auditwatch.doctor.rights import needed
from auditwatch.k10.identity import K10Instance
from auditwatch.runtime.settings import DefaultWatchSection
from tests.unit.doctor.making import NAMESPACE, aggregated_apis, deployment, found

MANIFESTS = Path(__file__).parents[3] / "manifests"


def labelled(**labels: str) -> dict[str, Any]:
    held = aggregated_apis()
    held["metadata"]["labels"] = {key.replace("__", "/"): value for key, value in labels.items()}
    for container in held["spec"]["template"]["spec"]["containers"]:
        container["image"] = "k10/a:latest"
    return held


def test_a_deployment_tells_account_claims_and_configuration() -> None:
    held = [deployment()]

    assert (account_of(held, "ns"), claims_of(held), settings_of(held)) == (
        "ns/k10-auditwatch",
        ("journal",),
        "settings",
    )


def test_without_a_deployment_the_account_is_that_of_the_manifests() -> None:
    assert account_of([], "ns") == account_of(Unread("no"), "ns") == "ns/k10-auditwatch"
    assert (claims_of([]), settings_of([])) == ((), "")


@pytest.mark.parametrize(
    "args", [["run", "--config=/etc/auditwatch/a.yaml"], ["run", "--config", "/etc/auditwatch/a.yaml"]]
)
def test_the_configuration_is_where_the_option_points(args: list[str]) -> None:
    held = deployment()
    held["spec"]["template"]["spec"]["containers"][0]["args"] = args
    assert settings_of([held]) == "settings"
    held["spec"]["template"]["spec"]["containers"][0]["args"] = ["run"]
    assert settings_of([held]) == ""


@pytest.mark.parametrize("text", ["", "- a", "{", "just words", "\tx: 1"])
def test_a_text_that_is_no_configuration_is_none(text: str) -> None:
    assert configuration_in({"data": {"auditwatch.yaml": text}}) is None
    assert configuration_in(None) is None


@pytest.mark.parametrize(
    "raw",
    [
        {"sources": "all"},
        {"sources": ["a", {"type": "State", "tls": 1}], "lease": []},
        {"sources": [{"type": "State", "instances": "x", "tls": {"caConfigMaps": "a/b"}}]},
    ],
)
def test_a_configuration_that_is_not_valid_is_read_as_far_as_it_goes(raw: dict[str, Any]) -> None:
    assert configured(raw).lease == "k10-auditwatch"
    assert configured(raw).authorities == ()


def test_what_is_switched_on_is_what_the_configuration_says() -> None:
    webhook = {"type": "Webhook", "tls": {"caConfigMaps": ["a/b", "c"]}, "instances": [{"serviceAccount": "a/b"}]}
    raw = {"sources": [webhook], "lease": {"name": "mine"}, "k10s": [{}, {"namespace": "two"}]}

    assert configured(raw) == Configured(
        types=frozenset({"Webhook"}),
        lease="mine",
        k10_namespaces=("kasten-io", "two"),
        reviews_tokens=True,
        authorities=("a/b",),
        ports=frozenset({8443}),
    )
    assert configured(None) == configured(Unread("no")) == Configured()


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"settings": {"data": {"version": "9.0.4"}}}, ("9.0.4", "ConfigMap k10-config")),
        ({"deployment": labelled(helm__chart="no")}, ("", "")),
        ({"deployment": labelled(**{"helm.sh__chart": "k10-7.5.9"})}, ("7.5.9", "label helm.sh/chart")),
        (
            {"deployment": labelled(**{"app.kubernetes.io__version": "v8.5.3"})},
            ("8.5.3", "label app.kubernetes.io/version"),
        ),
        ({"settings": Unread("no"), "deployment": labelled()}, ("", "")),
        ({"settings": {"data": {"version": "<script>"}}, "deployment": labelled()}, ("", "")),
    ],
)
def test_a_version_is_read_where_one_is_told(fields: dict[str, Any], expected: tuple[str, str]) -> None:
    assert version_of(found(**fields)) == expected


def test_an_image_tag_is_the_last_to_be_believed() -> None:
    held = labelled()
    held["spec"]["template"]["spec"]["containers"][0]["image"] = "mirror:5000/k10/a:9.0.9@sha256:00"

    assert version_of(found(deployment=held)) == ("9.0.9", "image tag")


@pytest.mark.parametrize(
    ("args", "is_on"),
    [
        (["--audit-policy-file=/p", "--enable-k10-audit-cluster=true"], True),
        (["--audit-policy-file=/p", "--enable-k10-audit-cluster=false"], False),
        (["--secure-port=1"], False),
        ([], None),
    ],
)
def test_the_stream_is_on_where_the_audit_flags_are(args: list[str], is_on: bool | None) -> None:  # noqa: FBT001 - a parameter
    held = aggregated_apis()
    held["spec"]["template"]["spec"]["containers"][0] |= {"args": args}

    assert stream_is_on(found(deployment=held)) is is_on


def granted() -> set[tuple[str, str, str]]:
    """(verb, group, resource) of every rule of the manifests for the operator."""
    rules: set[tuple[str, str, str]] = set()
    for path in MANIFESTS.glob("rbac-*.yaml"):
        for each in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            for rule in (each or {}).get("rules") or ():
                rules |= {(v, g, r) for v in rule["verbs"] for g in rule["apiGroups"] for r in rule["resources"]}
    return rules


def test_what_is_asked_for_is_what_the_manifests_grant() -> None:
    everything = Configured(
        types=frozenset({"State", "K10Stream", "Webhook"}),
        reviews_tokens=True,
        authorities=("agents/ca",),
        default_watch="k10",
    )
    features = needed(NAMESPACE, [K10Instance()], everything)
    asked = {(each.verb, each.group, each.resource) for needs in features.values() for each in needs}
    of_the_ca = {(verb, "", "configmaps") for verb in ("create", "get", "update")}

    assert asked - of_the_ca - granted() == set()
    assert granted() - of_the_ca - asked == set()


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ({"defaultWatch": {"name": "other", "spec": {}}}, "other"),
        ({"defaultWatch": {}}, "k10"),
        ({"defaultWatch": "k10"}, ""),
        ({}, ""),
    ],
)
def test_the_default_watch_may_be_made_by_its_name_alone(raw: dict[str, Any], name: str) -> None:
    asked = needed("ours", [K10Instance()], configured(raw)).get("default AuditWatch", [])

    assert configured(raw).default_watch == name
    assert [str(each) for each in asked] == [
        f"{verb} auditwatches.k10auditwatch.io {name} in namespace ours" for verb in ("get", "create", "patch") if name
    ]


def test_what_a_default_watch_is_called_is_what_the_operator_calls_it() -> None:
    assert DefaultWatchSection().name == DEFAULT_WATCH


def test_a_feature_that_is_off_needs_no_right() -> None:
    features = needed(NAMESPACE, [K10Instance()], Configured(types=frozenset({"State"}), k10_namespaces=("kasten-io",)))

    assert list(features) == ["findings", "packs and lists", "finding K10", "watched state"]
    assert features["finding K10"] == (Permission("get", "", "namespaces", name="kube-system"),)
