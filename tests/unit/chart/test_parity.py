"""``kubectl apply -k manifests`` and ``helm install`` with default values bring the same objects."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster import build
from tests.unit.chart.rendering import MANIFESTS, NAMESPACE, ROOT, Object, objects

WITH_THE_AUDIT_LOG = ROOT / "examples" / "kustomize" / "audit-log"
OWN_NAMESPACE = ("Namespace", "", NAMESPACE)
"""Helm makes it when it is told to on its command line."""

HELMS_LABELS = (
    "helm.sh/chart",
    *(f"app.kubernetes.io/{each}" for each in ("instance", "managed-by", "version", "part-of")),
)
HELMS_ANNOTATIONS = ("helm.sh/", "meta.helm.sh/", "checksum/")
HELMS_FIELD = {"fieldManager": "helm"}
"""Of the default AuditWatch, which Helm takes over."""
OPTIONAL = ("rbac-audit.yaml", "rbac-multicluster.yaml")
WITH_EVERYTHING = """
k10s: [{namespace: kasten-io, multicluster: true}]
webhook: {enabled: true, clusterIP: 10.96.0.77, instances: [{name: a, serviceAccount: b/c}]}
"""
Key = tuple[str, str, str]


def key(each: Object) -> Key:
    return each["kind"], each["metadata"].get("namespace", ""), each["metadata"]["name"]


def bare(value: Any) -> Any:
    """Without what only Helm sets."""
    if isinstance(value, list):
        return [bare(each) for each in value]
    if not isinstance(value, dict):
        return value
    own = {name: each for name, each in value.items() if HELMS_FIELD.get(name) != each}
    kept = {name: bare(each) for name, each in own.items() if name not in HELMS_LABELS and not is_helms(name)}
    return {name: each for name, each in kept.items() if not (name in {"annotations", "labels"} and not each)}


def is_helms(name: str) -> bool:
    return name.startswith(HELMS_ANNOTATIONS)


def comparable(each: Object) -> Object:
    """An object as what it means: embedded YAML as data, a definition without the label that only Helm gives it."""
    found: Object = bare(each)
    if found["kind"] == "ConfigMap":
        found["data"] = {name: bare(yaml.safe_load(text)) for name, text in found["data"].items()}
    if found["kind"] == "CustomResourceDefinition":
        found["metadata"].pop("labels", None)
    return found


def kustomized(directory: Path = MANIFESTS) -> list[Object]:
    command = [str(build.kubernetes_binary()), "kubectl", "kustomize", str(directory)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)
    return [each for each in yaml.load_all(done.stdout, Loader=yaml.CSafeLoader) if each]


def documents(name: str) -> list[Object]:
    return [each for each in yaml.safe_load_all((MANIFESTS / name).read_text()) if each]


@pytest.mark.parametrize(
    ("directory", "values"),
    [(MANIFESTS, ""), (WITH_THE_AUDIT_LOG, "agent: {enabled: true}")],
    ids=["as it is", "with the audit log"],
)
def test_both_ways_install_the_same_objects(directory: Path, values: str) -> None:
    by_kustomize = {key(each): comparable(each) for each in kustomized(directory) if key(each) != OWN_NAMESPACE}
    by_helm = {key(each): comparable(each) for each in objects(values) if each["kind"] != "Pod"}

    assert by_helm.keys() == by_kustomize.keys()
    for name, each in by_helm.items():
        if name[0] in {"Role", "ClusterRole"}:
            assert rights(each) == rights(by_kustomize[name])
        else:
            assert each == by_kustomize[name]


def rights(role: Object) -> set[tuple[str, str, str, str]]:
    return {
        (group, resource, verb, ",".join(rule.get("resourceNames", [])))
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def test_what_kustomize_leaves_to_whoever_needs_it_is_what_helm_brings_for_the_feature() -> None:
    by_hand = {key(each): comparable(each) for name in OPTIONAL for each in documents(name)}
    more = {key(each): comparable(each) for each in objects(WITH_EVERYTHING) if key(each) in by_hand}

    assert more == by_hand


def test_kustomize_alone_makes_the_namespace_and_has_it_restricted() -> None:
    [namespace] = [each for each in kustomized() if each["kind"] == "Namespace"]

    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_every_manifest_is_applied_or_named_as_optional() -> None:
    kustomization = yaml.safe_load((MANIFESTS / "kustomization.yaml").read_text())
    files = {each.name for each in MANIFESTS.glob("*.yaml")} - {"kustomization.yaml"}

    assert files == {*kustomization["resources"], *OPTIONAL} - {"../crds"}
    assert all(name in (MANIFESTS / "kustomization.yaml").read_text() for name in OPTIONAL)
