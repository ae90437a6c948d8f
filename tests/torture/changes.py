"""Changes by the thousand, each to an object of its own and none undone, and what must be found of them."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import Any

from tests.cluster.controlplane import ControlPlane

NAMESPACE = "kasten-io"
GROUP = "config.kio.kasten.io"
KINDS = ("policies", "profiles", "transformsets", "blueprintbindings")
"""Several kinds and rules, so that no rule meets its cap."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is made, and what is then changed: ``(resource, name)`` each."""

    objects: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, count: int) -> Plan:
        """``count`` objects, dealt out to the kinds in turn."""
        return cls(tuple((KINDS[number % len(KINDS)], f"t{number:05d}") for number in range(count)))


def rules() -> list[dict[str, Any]]:
    """One rule per kind, with room for every object of it."""
    return [
        {
            "name": f"changed-{resource}",
            "severity": "High",
            "match": {"apiGroups": [GROUP], "resources": [resource], "verbs": ["update", "patch"]},
        }
        for resource in KINDS
    ]


def make(cluster: ControlPlane, plan: Plan) -> None:
    """Create every object, by requests of our own: kubectl would take minutes."""
    for resource, name in plan.objects:
        answer = cluster.request("POST", _path(resource), body=_body(resource, name))
        assert answer.status == 201, answer.body


def change(cluster: ControlPlane, resource: str, name: str) -> bool:
    """Change one object; False where the API server is away and it must be tried again."""
    try:
        answer = cluster.request(
            "PATCH",
            f"{_path(resource)}/{name}",
            body={"metadata": {"annotations": {"example.com/changed": name}}},
            headers={"Content-Type": "application/merge-patch+json"},
        )
    except OSError:
        return False
    return answer.status == 200


def shuffled(plan: Plan, seed: int) -> list[tuple[str, str]]:
    """The order in which objects are changed."""
    order = list(plan.objects)
    random.Random(seed).shuffle(order)
    return order


def _path(resource: str) -> str:
    return f"/apis/{GROUP}/v1alpha1/namespaces/{NAMESPACE}/{resource}"


def _body(resource: str, name: str) -> dict[str, Any]:
    kind = {"policies": "Policy", "profiles": "Profile", "transformsets": "TransformSet"}.get(
        resource, "BlueprintBinding"
    )
    return {"apiVersion": f"{GROUP}/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": SPECS[resource]}


SPECS: dict[str, Any] = {
    "policies": {"frequency": "@daily", "retention": {"daily": 7}, "actions": [{"action": "backup"}]},
    "profiles": {"type": "Location", "locationSpec": {"type": "ObjectStore"}},
    "transformsets": {"transforms": []},
    "blueprintbindings": {"blueprintRef": {"name": "b", "namespace": NAMESPACE}, "resources": {}},
}


def describe(missing: set[tuple[str, str]]) -> str:
    """A few of them, for a failing test."""
    return json.dumps(sorted(missing)[:10])
