"""The examples under a running operator: those to copy are accepted whole, the others reported in their status."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.live.installation import API_VERSION, NAMESPACE, Installation

EXAMPLES = Path(__file__).parents[2] / "examples"
GOOD = sorted(EXAMPLES.glob("*.yaml"))
REPORTED = [
    path
    for path in sorted((EXAMPLES / "invalid").glob("*.yaml"))
    if path.read_text(encoding="utf-8").startswith("# operator:")
]


@pytest.fixture(scope="module")
def watches(operator: Installation) -> Iterator[Installation]:
    """The shared operator, without these watches again afterwards: the ``k10`` of other tests stays."""
    yield operator
    for namespace in (NAMESPACE, "shop"):
        operator.cluster.request(
            "DELETE", f"/apis/{API_VERSION}/namespaces/{namespace}/auditwatches?labelSelector=example"
        )


def verdict(operator: Installation, path: Path) -> dict[str, Any]:
    """Apply the example under a name of its own; its condition Accepted, once there is one."""
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    name, namespace = f"example-{path.stem}", document["metadata"].get("namespace", NAMESPACE)
    document["metadata"] = {"name": name, "namespace": namespace, "labels": {"example": path.stem}}
    operator.cluster.apply([document])
    operator.wait(
        lambda: bool(operator.condition("Accepted", name=name, namespace=namespace)), what=f"a verdict on {path.name}"
    )
    return operator.condition("Accepted", name=name, namespace=namespace)


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_an_example_is_accepted_with_every_rule_and_without_a_warning(watches: Installation, path: Path) -> None:
    found = verdict(watches, path)

    assert found["status"] == "True", found["message"]
    assert found["message"].endswith(("rule in force", "rules in force")), found["message"]


@pytest.mark.parametrize("path", REPORTED, ids=lambda path: path.stem)
def test_an_invalid_example_that_the_server_takes_is_reported_with_its_words(watches: Installation, path: Path) -> None:
    promised = path.read_text(encoding="utf-8").splitlines()[0].partition(": ")[2]
    found = verdict(watches, path)

    assert found["status"] == "False"
    assert promised in found["message"]
