"""The ClusterServiceVersion: what OLM shows of the operator, grants it and starts.

Everything in it is read from where it stands already: version and words from the chart, Deployment and rights from
``manifests/``, fields from the CRDs, examples from ``examples/``. ``scripts/bundle.py`` writes it.
"""

from __future__ import annotations

import base64
import copy
import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
ACCOUNT = "k10-auditwatch"
OWN_NAMESPACE = "k10-auditwatch"
INSTALL_MODES = {"OwnNamespace": True, "SingleNamespace": False, "MultiNamespace": False, "AllNamespaces": True}
"""The Lease and the packs are in the operator's own namespace, so that has to be among those OLM grants rights in."""
TARGETS = {
    "name": "AUDITWATCH_WATCH_NAMESPACES",
    "valueFrom": {"fieldRef": {"fieldPath": "metadata.annotations['olm.targetNamespaces']"}},
}
FEATURES = (
    *("cnf", "cni", "csi", "fips-compliant", "proxy-aware", "tls-profiles"),
    *("token-auth-aws", "token-auth-azure", "token-auth-gcp"),
)
"""What OpenShift asks of every operator and this one does not claim; ``disconnected`` it does."""
CONDITIONS = "urn:alm:descriptor:io.kubernetes.conditions"
Document = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What only a release knows; all empty in the repository."""

    image: str = ""
    created: str = ""
    repository: str = ""
    email: str = ""


@cache
def chart() -> Document:
    """Chart.yaml."""
    found: Document = yaml.safe_load((ROOT / "charts" / "k10-auditwatch" / "Chart.yaml").read_text(encoding="utf-8"))
    return found


def crds() -> list[Path]:
    """The files of the two definitions."""
    return sorted(path for path in (ROOT / "crds").glob("*.yaml") if path.name != "kustomization.yaml")


def documents(name: str) -> list[Document]:
    """The objects of a file of ``manifests/``."""
    return [each for each in yaml.safe_load_all((ROOT / "manifests" / name).read_text(encoding="utf-8")) if each]


def service_version(release: Release) -> Document:
    """The whole ClusterServiceVersion."""
    version = str(chart()["version"])
    deployment = _deployment(release.image)
    image = deployment["template"]["spec"]["containers"][0]["image"]
    return {
        "apiVersion": "operators.coreos.com/v1alpha1",
        "kind": "ClusterServiceVersion",
        "metadata": {
            "name": f"{chart()['name']}.v{version}",
            "namespace": "placeholder",
            "labels": _labels(),
            "annotations": _annotations(release, image),
        },
        "spec": {
            "displayName": "K10 AuditWatch",
            "description": (ROOT / "bundle" / "description.md").read_text(encoding="utf-8"),
            "version": version,
            "maturity": "alpha",
            "minKubeVersion": re.sub(r"^>=|-0$", "", str(chart()["kubeVersion"])),
            "keywords": list(chart()["keywords"]),
            "provider": {"name": chart()["maintainers"][0]["name"]},
            **_reached_at(release),
            "icon": [{"base64data": _icon(), "mediatype": "image/svg+xml"}],
            "installModes": [{"type": name, "supported": so} for name, so in INSTALL_MODES.items()],
            "customresourcedefinitions": {"owned": [_owned(path) for path in crds()]},
            "install": {"strategy": "deployment", "spec": _install(deployment)},
            "relatedImages": [{"name": chart()["name"], "image": image}],
        },
    }


def _labels() -> dict[str, str]:
    return {f"operatorframework.io/{each}": "supported" for each in ("arch.amd64", "arch.arm64", "os.linux")}


def _annotations(release: Release, image: str) -> dict[str, str]:
    annotations = {
        "alm-examples": json.dumps(examples(), indent=2),
        "capabilities": "Basic Install",
        "categories": "Security",
        "containerImage": image,
        "description": str(chart()["description"]),
        "support": str(chart()["maintainers"][0]["name"]),
        "olm.skipRange": f"<{chart()['version']}",
        "operatorframework.io/suggested-namespace": OWN_NAMESPACE,
        "features.operators.openshift.io/disconnected": "true",
        **{f"features.operators.openshift.io/{each}": "false" for each in FEATURES},
    }
    known = {"createdAt": release.created, "repository": release.repository}
    return annotations | {name: value for name, value in known.items() if value}


def _reached_at(release: Release) -> Document:
    name = chart()["maintainers"][0]["name"]
    links = {"links": [{"name": "Source", "url": release.repository}]} if release.repository else {}
    return links | ({"maintainers": [{"name": name, "email": release.email}]} if release.email else {})


def _icon() -> str:
    return base64.b64encode((ROOT / "bundle" / "icon.svg").read_bytes()).decode("ascii")


def examples() -> list[Document]:
    """What a console offers to create: the AuditWatches of ``examples/``, shortest first. Nobody creates findings."""
    found = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in (ROOT / "examples").glob("*.yaml")]
    for each in found:
        each["metadata"].pop("namespace", None)
    return sorted(found, key=lambda each: len(json.dumps(each)))


def _owned(path: Path) -> Document:
    crd = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    [version] = crd["spec"]["versions"]
    schema = version["schema"]["openAPIV3Schema"]
    parts = schema["properties"]
    return {
        "name": crd["metadata"]["name"],
        "kind": crd["spec"]["names"]["kind"],
        "version": version["name"],
        "displayName": crd["spec"]["names"]["kind"],
        "description": schema["description"],
        "specDescriptors": _descriptors(parts["spec"]),
        "statusDescriptors": _descriptors(parts["status"]),
    }


def _descriptors(part: Document) -> list[Document]:
    """One per field, by name."""
    return [
        {
            "path": name,
            "displayName": re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name[0].upper() + name[1:]),
            "description": field["description"],
            **({"x-descriptors": [CONDITIONS]} if name == "conditions" else {}),
        }
        for name, field in sorted(part["properties"].items())
    ]


def _install(deployment: Document) -> Document:
    granted = [*documents("rbac-own.yaml"), *documents("rbac-k10.yaml")]
    rules = {(each["kind"], each["metadata"]["name"]): each["rules"] for each in granted if "rules" in each}
    everywhere = [each["roleRef"]["name"] for each in granted if each["kind"] == "ClusterRoleBinding"]
    return {
        "clusterPermissions": [_granted(rule for name in everywhere for rule in rules["ClusterRole", name])],
        "permissions": [_granted(rule for (kind, _), some in rules.items() if kind == "Role" for rule in some)],
        "deployments": [{"name": chart()["name"], "spec": deployment}],
    }


def _granted(rules: Any) -> Document:
    return {"serviceAccountName": ACCOUNT, "rules": [copy.deepcopy(rule) for rule in rules]}


def _deployment(image: str) -> Document:
    """The Deployment's spec as OLM can start it: any user and group, no volume that has to be there before."""
    [document] = documents("deployment.yaml")
    spec: Document = document["spec"]
    pod = spec["template"]["spec"]
    for name in ("fsGroup", "fsGroupChangePolicy"):
        del pod["securityContext"][name]
    [container] = pod["containers"]
    container["image"] = image or container["image"]
    container["env"].append(copy.deepcopy(TARGETS))
    pod["volumes"] = [_volume(each) for each in pod["volumes"]]
    return spec


def _volume(volume: Document) -> Document:
    return {"name": volume["name"], "emptyDir": {}} if "persistentVolumeClaim" in volume else volume
