"""The chart rendered by a real Helm, as objects; the same values are rendered once."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.cluster import build

ROOT = Path(__file__).parents[3]
CHART = ROOT / "charts" / "k10-auditwatch"
MANIFESTS = ROOT / "manifests"
CASES = sorted((CHART / "ci").glob("*-values.yaml"))
RELEASE = NAMESPACE = "k10-auditwatch"
APIS = ("monitoring.coreos.com/v1", "cert-manager.io/v1")
DEFINITION = "CustomResourceDefinition"
Object = dict[str, Any]


@cache
def text(values: str = "", *, apis: tuple[str, ...] = APIS, release: str = RELEASE, namespace: str = NAMESPACE) -> str:
    """What ``helm template`` prints for these values (YAML). Raises ``AssertionError`` with Helm's words."""
    done = _helm(values, apis=apis, release=release, namespace=namespace)
    assert done.returncode == 0, done.stderr
    return done.stdout


def complaint(values: str, *, apis: tuple[str, ...] = APIS) -> str:
    """Why Helm refuses these values."""
    done = _helm(values, apis=apis, release=RELEASE, namespace=NAMESPACE)
    assert done.returncode != 0, "rendered, though it should not be"
    return done.stderr


def _helm(values: str, *, apis: tuple[str, ...], release: str, namespace: str) -> subprocess.CompletedProcess[str]:
    served = [f"--api-versions={each}" for each in apis]
    command = [str(build.kubernetes_binary()), "helm", "template", release, str(CHART), f"--namespace={namespace}"]
    return subprocess.run(
        [*command, *served, "--values=-"], input=values, capture_output=True, text=True, check=False, timeout=600
    )


@cache
def _parsed(values: str, apis: tuple[str, ...], *, definitions: bool) -> tuple[Object, ...]:
    """Definitions are large and the same in nearly every case, so they are left out where nobody asks for them."""
    documents = (part for part in text(values, apis=apis).split("\n---\n") if definitions or DEFINITION not in part)
    return tuple(each for part in documents for each in yaml.load_all(part, Loader=yaml.CSafeLoader) if each)


def objects(values: str = "", *kinds: str, apis: tuple[str, ...] = APIS) -> list[Object]:
    """What is rendered for these values, of these kinds (of all where none is named)."""
    definitions = not kinds or DEFINITION in kinds
    return [each for each in _parsed(values, apis, definitions=definitions) if not kinds or each["kind"] in kinds]


def the(values: str, kind: str, name: str = RELEASE, namespace: str | None = None) -> Object:
    """The one object of this kind and name."""
    found = [
        each
        for each in objects(values, kind)
        if each["metadata"]["name"] == name and namespace in (None, each["metadata"].get("namespace"))
    ]
    assert len(found) == 1, [each["metadata"] for each in objects(values, kind)]
    return found[0]


def pods(values: str) -> Iterator[tuple[str, Object]]:
    """(name, spec) of every pod, in whatever it stands."""
    for each in objects(values, "Deployment", "DaemonSet", "Pod"):
        spec = each["spec"] if each["kind"] == "Pod" else each["spec"]["template"]["spec"]
        yield each["metadata"]["name"], spec


def rules(values: str, kinds: tuple[str, ...] = ("ClusterRole", "Role")) -> Iterator[tuple[str, Object]]:
    """(name of the role, rule) of everything that is granted to the operator; roles for people are left out."""
    bound = {each["roleRef"]["name"] for each in objects(values, "ClusterRoleBinding", "RoleBinding")}
    for each in objects(values, *kinds):
        if each["metadata"]["name"] in bound:
            yield from ((each["metadata"]["name"], rule) for rule in each["rules"])
