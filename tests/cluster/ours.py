"""Our own CustomResourceDefinitions and namespaces on a test cluster, as quickly as the API server takes them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.cluster.controlplane import ControlPlane

_CRDS: Final = Path(__file__).parents[2] / "crds"
PLURALS: Final = ("auditwatches", "k10securityfindings")
NAMES: Final = tuple(f"{plural}.k10auditwatch.io" for plural in PLURALS)


def define_ours(plane: ControlPlane) -> None:
    """Return when the API server serves both kinds."""
    for plural in PLURALS:
        plane.apply((_CRDS / f"{plural}.yaml").read_text())
    plane.established(*NAMES)


def make_namespaces(plane: ControlPlane, *names: str) -> None:
    """Return when they are there; one that was there already stays."""
    plane.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in names])
