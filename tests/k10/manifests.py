"""Puts what K10's chart and its users would install onto an API server, in two calls."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.controlplane import ControlPlane
from tests.k10 import crds, workloads
from tests.k10.crds import DOMAIN
from tests.k10.workloads import Manifest

FILES = Path(__file__).parent / "manifests"
Placed = Callable[[list[Manifest]], list[Manifest]]


def install(
    cluster: ControlPlane, *, domain: str, api_port: int, applications: Sequence[str], placed: Placed = list
) -> None:
    """Everything that must be there before K10's own pods run; ``placed`` fits its chart to where they run."""
    definitions = crds.definitions(domain)
    cluster.apply(
        [
            *_load("rbac.yaml", {DOMAIN: domain}),
            *definitions,
            *placed(workloads.installation(domain=domain, api_port=api_port)),
            *(document for name in applications for document in _load("application.yaml", {"NAME": name})),
        ],
        manager="helm",
    )
    cluster.established(*(definition["metadata"]["name"] for definition in definitions))


def configure(cluster: ControlPlane, *, domain: str, applications: Sequence[str]) -> None:
    """Policies, profiles and the like, written by K10's dashboard."""
    values = {"[APPLICATIONS]": json.dumps(list(applications)), "[FIRST]": json.dumps(list(applications[:1]))}
    cluster.apply(_load("configuration.yaml", {DOMAIN: domain, **values}), manager="dashboardbff-server")


def _load(name: str, replacements: dict[str, str]) -> list[Any]:
    text = (FILES / name).read_text()
    for old, new in replacements.items():
        text = text.replace(old, new)
    return list(yaml.safe_load_all(text))
