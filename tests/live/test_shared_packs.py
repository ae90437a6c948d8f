"""Packs and lists in ConfigMaps under a running operator, with the rights an installation gives it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.live.installation import API_VERSION, NAMESPACE, Installation

EXAMPLES = Path(__file__).parents[2] / "examples" / "configmaps"
WATCH = f"/apis/{API_VERSION}/namespaces/{NAMESPACE}/auditwatches/shared"
MAPS = f"/api/v1/namespaces/{NAMESPACE}/configmaps"


@pytest.fixture
def watching(operator: Installation) -> Iterator[Installation]:
    """A watch that names the pack of the examples, before there is one."""
    spec = {"packs": [{"name": "our-house", "version": "1"}]}
    metadata = {"name": "shared", "namespace": NAMESPACE}
    operator.cluster.apply([{"apiVersion": API_VERSION, "kind": "AuditWatch", "metadata": metadata, "spec": spec}])
    yield operator
    operator.cluster.request("DELETE", WATCH)
    for name in ("our-house", "people"):
        operator.cluster.request("DELETE", f"{MAPS}/{name}")


def _says(operator: Installation, words: str) -> None:
    operator.wait(
        lambda: words in str(operator.condition("Accepted", name="shared").get("message")), what=f"Accepted: {words}"
    )


def test_a_pack_comes_into_force_when_it_is_written_and_its_faults_are_told(watching: Installation) -> None:
    _says(watching, "there is no pack our-house")
    for path in sorted(EXAMPLES.glob("*.yaml")):
        watching.cluster.apply([yaml.safe_load(path.read_text(encoding="utf-8"))])
    _says(watching, "1 rule in force")
    assert watching.condition("Accepted", name="shared")["status"] == "True"

    broken = yaml.safe_load((EXAMPLES / "pack.yaml").read_text(encoding="utf-8"))
    broken["data"]["our-house.yaml"] = broken["data"]["our-house.yaml"].replace("Medium", "Dire")
    watching.cluster.apply([broken])
    _says(watching, "configmap our-house, our-house.yaml: rules[0].severity")
