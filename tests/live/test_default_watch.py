"""The AuditWatch that comes with the installation, on a real API server, with the rights of ``manifests/`` alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.controlplane import ControlPlane
from tests.cluster.ours import define_ours, make_namespaces
from tests.live.installation import NAMESPACE, Installation

MISSING = "auditwatch_default_watch_missing"
NewOperator = Callable[..., Installation]


@pytest.fixture(scope="module")
def plane(kubernetes_binary: Path) -> Iterator[ControlPlane]:
    """A control plane of its own, on which nobody has defined anything yet."""
    with ControlPlane(binary=kubernetes_binary) as started:
        make_namespaces(started, "kasten-io", "kasten-io-mc")
        yield started


@pytest.fixture
def new_operator(plane: ControlPlane, tmp_path: Path) -> Iterator[NewOperator]:
    """Starts an operator whose configuration has this ``defaultWatch``; it and what it wrote end with the test."""
    made: list[Installation] = []

    def start(**wanted: Any) -> Installation:
        settings = {"defaultWatch": wanted}
        made.append(Installation(plane, directory=tmp_path / str(len(made)), settings=settings))
        made[-1].grant()
        made[-1].start()
        return made[-1]

    yield start
    for each in made:
        each.stop()
        each.clean_up()


def watch(plane: ControlPlane) -> dict[str, Any]:
    """Empty where there is none."""
    text = plane.kubectl("get", "auditwatch", "k10", "-n", NAMESPACE, "--output=json", "--ignore-not-found")
    return dict(json.loads(text or "{}"))


def missing(operator: Installation) -> bool:
    return f"{MISSING} 1.0" in operator.get("/metrics")[1].splitlines()


def test_it_is_made_once_the_kind_is_served_and_the_probe_says_what_is_waited_for(
    plane: ControlPlane, new_operator: NewOperator
) -> None:
    operator = new_operator(labels={"team": "security"})
    operator.wait(lambda: "cannot make AuditWatch k10" in operator.get("/readyz")[1], what="the wait for the kind")
    assert operator.get("/healthz")[0] == 200

    define_ours(plane)

    operator.wait_ready()
    operator.wait(lambda: operator.condition("Accepted").get("status") == "True", what="the AuditWatch to be in force")
    assert watch(plane)["metadata"]["labels"] == {"team": "security"}
    assert watch(plane)["spec"]["packs"] == [{"name": "k10-baseline", "version": "1"}]
    assert not missing(operator)


def test_one_that_is_there_is_left_alone_and_one_that_was_deleted_comes_back(
    plane: ControlPlane, new_operator: NewOperator
) -> None:
    define_ours(plane)
    operator = new_operator(spec={"timeZone": "Europe/Paris"})
    operator.wait_ready()
    operator.terminate()
    operator.watch(paused=True)
    before = watch(plane)

    operator.start()
    operator.wait_ready()
    after = watch(plane)
    plane.kubectl("delete", "auditwatch", "k10", "-n", NAMESPACE)
    operator.wait(lambda: missing(operator), what="its absence to be told")
    operator.terminate()
    operator.start()
    operator.wait_ready()

    assert (after["metadata"]["uid"], after["spec"]) == (before["metadata"]["uid"], before["spec"])
    assert watch(plane)["metadata"]["uid"] != before["metadata"]["uid"]
    assert watch(plane)["spec"]["timeZone"] == "Europe/Paris"


def test_what_the_installer_says_later_is_applied_and_what_a_person_said_since_is_not_taken_back(
    plane: ControlPlane, new_operator: NewOperator
) -> None:
    """Helm 3 takes the object over and changes nothing in it."""
    define_ours(plane)
    first = new_operator(spec={"timeZone": "Europe/Paris", "paused": True})
    first.wait_ready()
    first.terminate()
    made = watch(plane)

    second = new_operator(spec={"timeZone": "Europe/Berlin"})
    second.wait_ready()
    second.terminate()
    later = watch(plane)
    patch = '{"spec": {"timeZone": "Asia/Tokyo"}}'
    plane.kubectl("patch", "auditwatch", "k10", "-n", NAMESPACE, "--type=merge", f"--patch={patch}")
    third = new_operator(spec={"timeZone": "Europe/Rome"})
    third.wait_ready()

    assert (later["spec"]["timeZone"], later["spec"]["paused"]) == ("Europe/Berlin", False)
    assert later["metadata"]["uid"] == made["metadata"]["uid"]
    assert watch(plane)["spec"]["timeZone"] == "Asia/Tokyo"
    assert "left as somebody else wrote it" in third.log.read_text()


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"findings": {"minSeverity": "Huge"}}, "spec.findings.minSeverity: Unsupported value"),
        ({"timezone": "UTC"}, ".spec.timezone: field not declared in schema"),
        ({"packs": "k10-baseline"}, ".spec.packs: expected list"),
        ({"sources": ["*", "state"]}, "'*' must be the only source"),
    ],
    ids=["value", "field", "type", "validation"],
)
def test_a_spec_that_the_server_refuses_is_told_and_the_operator_is_ready(
    plane: ControlPlane, new_operator: NewOperator, spec: dict[str, Any], words: str
) -> None:
    define_ours(plane)
    operator = new_operator(spec=spec)

    operator.wait_ready()

    [said] = [line for line in operator.log.read_text().splitlines() if "default AuditWatch refused" in line]
    assert json.loads(said)["level"] == "error"
    assert words in said
    assert missing(operator)
    assert watch(plane) == {}


def test_a_right_that_is_missing_is_told_and_the_operator_is_ready(
    plane: ControlPlane, new_operator: NewOperator
) -> None:
    define_ours(plane)
    operator = new_operator(name="another")

    operator.wait_ready()

    assert "get auditwatches.k10auditwatch.io another in namespace k10-auditwatch: 403" in operator.log.read_text()
    assert missing(operator)
