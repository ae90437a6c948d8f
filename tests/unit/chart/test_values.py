"""values.yaml, its schema and its pages: nothing undocumented, nothing misspelt, nothing impossible, nothing random."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from scripts import chart

from tests.unit.chart.rendering import APIS, CASES, CHART, Object, complaint, objects, text

SCHEMA = json.loads((CHART / "values.schema.json").read_text())
DEFAULTS = yaml.safe_load((CHART / "values.yaml").read_text())
POSTS = "webhook: {enabled: true, clusterIP: 10.96.0.77"
TOKEN = "instances: [{name: a, tokenKey: a}], tokensSecretName: t"
IMPOSSIBLE = [
    (f"{POSTS}}}", "webhook.instances: nobody may post"),
    ("webhook: {instances: [{name: a, serviceAccount: b/c}]}", "webhook.enabled is false"),
    ("webhook: {enabled: true, instances: [{name: a, serviceAccount: b/c}]}", "webhook.clusterIP: required"),
    (f"{POSTS}, instances: [{{name: a, tokenKey: b}}]}}", "webhook.tokensSecretName: required"),
    (f"{POSTS}, instances: [{{name: a, clientCertificateName: b}}]}}", "webhook.clientCA: required"),
    (f"{POSTS}, instances: [{{name: a}}]}}", "nothing proves who posts"),
    (f"{POSTS}, {TOKEN}, clientCA: {{secretName: a, configMapName: b}}}}", "not both"),
    (f"{POSTS}, {TOKEN}, tls: {{mode: existingSecret}}}}", "webhook.tls.secretName: required"),
    (f"{POSTS}, {TOKEN}, tls: {{secretName: a}}}}", "read with mode existingSecret only"),
    (f"{POSTS}, {TOKEN}, tls: {{mode: certManager}}}}", "issuerRef.name: required"),
    (f"{POSTS}, instances: [{{name: '*', serviceAccount: a/b}}]}}\nagent: {{enabled: true}}", "is the agent's"),
    ("agent: {enabled: true, namespace: k10-auditwatch}", "must not be the operator's own"),
    ("agent: {enabled: true, serverCA: {configMapName: a}}", "publishes its self-made CA by itself"),
    ("agent: {enabled: true}\nwebhook: {tls: {mode: existingSecret, secretName: a}}", "agent.serverCA: required"),
    ("persistence: {enabled: false, existingClaim: a}", "persistence.enabled is false"),
    ("k10s: [{namespace: a, serviceAccount: b}]", "are found by k10Discovery"),
    ("k10s: [{namespace: a, multiclusterNamespace: b}]", "multicluster is false"),
]
MISSPELT = [
    ("agent: {enabledd: true}", "enabledd"),
    ("webhook: {tls: {mod: selfMade}}", "mod"),
    ("k10s: [{name: a}]", "namespace"),
    ("image: {digest: sha256:abc}", "digest"),
    ("webhook: {tls: {mode: letsencrypt}}", "mode"),
    ("journal: {retentionDays: 0}", "retentionDays"),
    ("runbooks: {url: https://example.com/}", "url"),
    ("agent: {auditLog: {path: audit.log}}", "path"),
    ("agent: {capabilities: [SYS_ADMIN]}", "capabilities"),
    ("replicaCount: 2", "replicaCount"),
]


def objects_of(schema: Object, path: str = "") -> Iterator[tuple[str, Object]]:
    """(path, schema) of everything of type object."""
    if schema.get("type") == "object":
        yield path, schema
    below: list[tuple[str, Any]] = [(f"{path}.{name}", each) for name, each in schema.get("properties", {}).items()]
    below += [(f"{path}[]", schema["items"])] if "items" in schema else []
    below += [(f"#{name}", each) for name, each in schema.get("definitions", {}).items()]
    for name, each in below:
        yield from objects_of(each, name)


def test_an_object_of_the_schema_is_closed_or_holds_what_kubernetes_itself_checks() -> None:
    is_open = {path for path, each in objects_of(SCHEMA) if each.get("additionalProperties") is not False}

    assert is_open == {
        *("#objects[]", "#texts"),
        *("#resources.requests", "#resources.limits"),
        *(".global", ".affinity", ".agent.affinity", ".auditWatch.spec", ".podSecurityContext"),
    }


def test_schema_and_values_have_the_same_keys() -> None:
    def keys(values: Object, schema: Object, path: str) -> Iterator[str]:
        known = schema.get("properties")
        if known is None:
            return
        yield from (f"{path}{name}" for name in known.keys() ^ values.keys())
        for name, each in values.items():
            if isinstance(each, dict) and name in known:
                yield from keys(each, known[name], f"{path}{name}.")

    assert set(keys(DEFAULTS, SCHEMA, "")) == {"global"}, "global is Helm's own"


@pytest.mark.parametrize(("values", "named"), MISSPELT)
def test_what_the_schema_does_not_know_is_refused_and_named(values: str, named: str) -> None:
    assert named in complaint(values)


@pytest.mark.parametrize(("values", "fix"), IMPOSSIBLE)
def test_values_that_make_no_sense_together_are_refused_with_the_fix(values: str, fix: str) -> None:
    assert fix in complaint(values)


@pytest.mark.parametrize(
    ("values", "needed"),
    [
        ("metrics: {serviceMonitor: {enabled: true}}", "monitoring.coreos.com/v1"),
        ("metrics: {prometheusRule: {enabled: true}}", "monitoring.coreos.com/v1"),
        (
            f"{POSTS}, {TOKEN}, tls: {{mode: certManager, certManager: {{issuerRef: {{name: a}}}}}}}}",
            "cert-manager.io/v1",
        ),
    ],
)
def test_what_a_cluster_does_not_serve_is_named_before_anything_is_installed(values: str, needed: str) -> None:
    assert f"--api-versions {needed}" in complaint(values, apis=())


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_two_renders_of_the_same_values_are_equal(case: Path) -> None:
    assert text.__wrapped__(case.read_text()) == text(case.read_text())


def test_every_switch_of_the_values_is_thrown_by_a_case() -> None:
    def switches(values: Object, path: str = "") -> Iterator[tuple[str, object]]:
        for name, each in values.items():
            if isinstance(each, dict):
                yield from switches(each, f"{path}{name}.")
            elif isinstance(each, bool):
                yield f"{path}{name}", each

    thrown = {
        path
        for case in CASES
        for path, value in switches(yaml.safe_load(case.read_text()))
        if value is not default(path)
    }
    left = {path for path, _ in switches(DEFAULTS)} - thrown
    assert left == {
        *("agent.createNamespace", "crds.keep", "persistence.keep", "rbac.create", "serviceAccount.create", "verbose"),
    }, "tested one by one elsewhere"


def default(path: str) -> object:
    value: Any = DEFAULTS
    for step in path.split("."):
        value = value[step]
    return value


def test_every_key_is_documented_and_the_pages_say_the_same() -> None:
    assert len(list(chart.documented((CHART / "values.yaml").read_text()))) > 90
    assert {path for path, wanted in chart.wanted().items() if path.read_text() != wanted} == set()


def test_a_key_without_a_comment_is_named_with_its_line() -> None:
    with pytest.raises(chart.UndocumentedError, match=r"values.yaml:4: b\.c: write what it means"):
        list(chart.documented("# -- Known.\na: 1\nb:\n  c: 2\n"))


def test_a_mapping_with_a_comment_is_one_value_and_one_without_is_its_keys() -> None:
    found = list(chart.documented("# -- One.\na: {b: 1}\n# A section.\nc:\n  # -- Two\n  # lines.\n  d: []\n"))

    assert [(each.path, each.default, each.meaning) for each in found] == [
        ("a", {"b": 1}, "One."),
        ("c.d", [], "Two lines."),
    ]


def test_labels_are_those_helm_asks_for_and_selectors_are_never_changed_by_values() -> None:
    values = "commonLabels: {team: security}\npodLabels: {tier: a}\nagent: {enabled: true}"
    wanted = {"helm.sh/chart", "app.kubernetes.io/managed-by", "app.kubernetes.io/version", "team"}

    for each in objects(values):
        if each["kind"] != "CustomResourceDefinition":
            assert wanted <= each["metadata"]["labels"].keys(), each["metadata"]["name"]
    for each in objects(values, "Deployment", "DaemonSet"):
        selector = each["spec"]["selector"]["matchLabels"]
        assert selector.keys() == {"app.kubernetes.io/name", "app.kubernetes.io/instance"}
        assert selector.items() <= each["spec"]["template"]["metadata"]["labels"].items()


def test_agent_and_test_pods_are_not_taken_for_the_operator() -> None:
    values = "agent: {enabled: true}"
    [service] = [each for each in objects(values, "Service") if each["metadata"]["name"] == "k10-auditwatch"]
    others = [*objects(values, "Pod"), *(each["spec"]["template"] for each in objects(values, "DaemonSet"))]

    assert len(others) == 2
    assert not any(service["spec"]["selector"].items() <= each["metadata"]["labels"].items() for each in others)


def test_every_name_is_one_that_kubernetes_takes_however_long_the_release_is_called() -> None:
    rendered = text("agent: {enabled: true}", apis=APIS, release="r" * 53)
    names = re.findall(r"^  name: (\S+)$", rendered, re.MULTILINE)

    assert max(map(len, names)) <= 63


def test_two_releases_share_no_object_of_the_cluster() -> None:
    def cluster_wide(release: str) -> set[str]:
        documents = yaml.safe_load_all(text("crds: {enabled: false}", release=release, namespace=release))
        return {each["metadata"]["name"] for each in documents if each and each["kind"].startswith("ClusterRole")}

    assert not cluster_wide("one") & cluster_wide("two")
