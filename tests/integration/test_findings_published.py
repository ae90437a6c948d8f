"""The whole way from a commit to a real API server: object, status, triage, Event, and none lost over an outage."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from auditwatch.cluster.client import Cluster
from auditwatch.cluster.findings import FINDINGS
from auditwatch.events.activity import Actor
from tests.cluster.controlplane import ControlPlane
from tests.cluster.fixtures import NewControlPlane
from tests.cluster.ours import NAMES, define_ours, make_namespaces
from tests.unit.findings.making import signal
from tests.unit.runtime.publishing_bench import NAMESPACE, Bench, publishing

SECONDS = 240.0


@pytest.fixture
def plane(new_control_plane: NewControlPlane) -> ControlPlane:
    """A control plane of the test's own, for it is restarted, with our CRDs."""
    started = new_control_plane(with_controller_manager=False)
    define_ours(started)
    make_namespaces(started, NAMESPACE)
    return started


@pytest.fixture
async def cluster(plane: ControlPlane) -> AsyncIterator[Cluster]:
    async with await Cluster.connect(kubeconfig=plane.kubeconfig()) as connected:
        yield connected


async def counts(cluster: Cluster) -> dict[str, int]:
    """The count of each finding, by the name of its target."""
    found = await cluster.list(FINDINGS, namespace=NAMESPACE)
    return {each["spec"]["target"]["name"]: each.get("status", {}).get("count", 0) for each in found}


async def until_counts(cluster: Cluster, wanted: dict[str, int]) -> None:
    deadline = time.monotonic() + SECONDS
    while (seen := await counts(cluster)) != wanted:
        assert time.monotonic() < deadline, f"{len(seen)} findings, {sum(seen.values())} counted"
        await asyncio.sleep(0.2)


async def the_one(cluster: Cluster) -> dict[str, Any]:
    found = await cluster.list(FINDINGS, namespace=NAMESPACE)
    return found[0] if found else {}


async def until_state(cluster: Cluster, state: str) -> dict[str, Any]:
    deadline = time.monotonic() + SECONDS
    while (found := await the_one(cluster)).get("status", {}).get("state") != state:
        assert time.monotonic() < deadline, found.get("status")
        await asyncio.sleep(0.1)
    return found


async def test_a_hundred_findings_are_all_published_through_an_outage(
    plane: ControlPlane, cluster: Cluster, tmp_path: Path
) -> None:
    names = [f"policy-{index}" for index in range(1, 101)]
    async with publishing(cluster, tmp_path / "journal.db", list_seconds=5.0) as bench:
        await bench.apply(*(signal(index, name=name) for index, name in enumerate(names, 1)))
        await asyncio.to_thread(plane.kill_apiserver)
        await bench.apply(*(signal(200 + index, name=name, after=1) for index, name in enumerate(names, 1)))
        await asyncio.to_thread(plane.start_apiserver)
        await until_counts(cluster, dict.fromkeys(names, 2))


async def test_a_life_that_ends_in_an_outage_is_continued_by_the_next(
    plane: ControlPlane, cluster: Cluster, tmp_path: Path
) -> None:
    journal = tmp_path / "journal.db"
    async with publishing(cluster, journal, list_seconds=5.0, drain_seconds=0.2) as bench:
        await asyncio.to_thread(plane.kill_apiserver)
        await bench.apply(*(signal(index, name=f"policy-{index}") for index in range(1, 11)))
    await asyncio.to_thread(plane.start_apiserver)
    await asyncio.to_thread(plane.established, *NAMES)
    async with publishing(cluster, journal, list_seconds=5.0):
        await until_counts(cluster, {f"policy-{index}": 1 for index in range(1, 11)})


async def test_people_wait_for_a_condition_and_get_it(plane: ControlPlane, cluster: Cluster, tmp_path: Path) -> None:
    async with publishing(cluster, tmp_path / "journal.db", list_seconds=0.2) as bench:
        await bench.apply(signal(1))
        name = (await until_state(cluster, "New"))["metadata"]["name"]
        await _triage(plane, name, {"state": "Resolved", "assignee": "ana"})
        await asyncio.to_thread(
            plane.kubectl,
            "wait",
            f"k10f/{name}",
            "--for=condition=Resolved",
            "--timeout=300s",
            f"--namespace={NAMESPACE}",
        )
        closed = await until_state(cluster, "Closed")
        assert closed["status"]["observedGeneration"] == closed["metadata"]["generation"]
        await _reopened(bench, cluster)


async def _reopened(bench: Bench, cluster: Cluster) -> None:
    await bench.apply(signal(2, after=1, actor=Actor(manager="helm")))
    found = await until_state(cluster, "Reopened")

    assert found["triage"] == {"state": "Resolved", "assignee": "ana"}
    assert {each["type"]: each["status"] for each in found["status"]["conditions"]} == {
        "Acknowledged": "False",
        "Resolved": "False",
    }


async def test_what_somebody_wrote_over_a_finding_is_gone_soon(
    plane: ControlPlane, cluster: Cluster, tmp_path: Path
) -> None:
    async with publishing(cluster, tmp_path / "journal.db", list_seconds=0.5) as bench:
        await bench.apply(signal(1))
        found = await until_state(cluster, "New")
        theirs = {**found["status"], "severity": "Low", "supersededBy": "another", "actors": [], "state": "Closed"}
        patch = json.dumps({"status": theirs})
        await asyncio.to_thread(
            plane.kubectl,
            *("patch", "k10f", found["metadata"]["name"], f"--namespace={NAMESPACE}", "--subresource=status"),
            *("--type=merge", f"--patch={patch}"),
        )

        healed = await until_state(cluster, "New")
        assert healed["status"] == found["status"]
        assert healed["metadata"]["resourceVersion"] != found["metadata"]["resourceVersion"]
        assert bench.publisher.writes().rewritten == 1


async def _triage(plane: ControlPlane, name: str, triage: dict[str, str]) -> None:
    patch = json.dumps({"triage": triage})
    await asyncio.to_thread(
        plane.kubectl, "patch", "k10f", name, f"--namespace={NAMESPACE}", "--type=merge", f"--patch={patch}"
    )
