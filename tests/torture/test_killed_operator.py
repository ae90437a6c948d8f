"""kill -9 of the operator at random moments, apiserver restarts included: every net change found, none counted twice.

A watch loop sees net differences, so each change is to an object of its own and none is undone. The short form runs
with every `make test`; `make torture` runs the long one.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.cluster.controlplane import ControlPlane
from tests.cluster.fixtures import NewControlPlane
from tests.k10.standin import K10StandIn
from tests.live.installation import Installation
from tests.torture.changes import KINDS, Plan, change, describe, make, rules, shuffled

SEED = 20_261_123


@pytest.mark.torture
def test_every_net_change_is_found_once_however_often_the_operator_is_killed(
    new_control_plane: NewControlPlane, tmp_path: Path, torture_size: tuple[int, int]
) -> None:
    changes, kills = torture_size
    cluster = new_control_plane()
    with K10StandIn(cluster, points=1):
        plan = Plan.of(changes)
        make(cluster, plan)
        installed = Installation(cluster, directory=tmp_path / "operator")
        installed.install()
        installed.start()
        installed.wait_ready()
        installed.watch(packs=[], rules=rules(), findings={"maxPerRule": 10_000})
        installed.wait(lambda: installed.condition("Ready").get("status") == "True", what="the AuditWatch to be Ready")

        disturb(cluster, installed, shuffled(plan, SEED), kills=kills)

        expected = set(plan.objects)
        installed.wait(lambda: found(installed).keys() >= expected, what="every change to be found", timeout=900)
        counted = found(installed)
        assert set(counted) == expected, describe(expected - set(counted))
        assert {key: count for key, count in counted.items() if count != 1} == {}
        installed.wait(lambda: bool(lost_stretches(installed)), what="the lost history to be reported")
        assert all("not before" in note for note in lost_stretches(installed)), lost_stretches(installed)


def disturb(cluster: ControlPlane, installed: Installation, order: Sequence[tuple[str, str]], *, kills: int) -> None:
    """Change everything in one thread while the operator is killed in this one.

    Once the API server is killed too, and once it forgets the history that a stopped watch would go on from.
    """
    writer = threading.Thread(target=change_all, args=(cluster, order))
    writer.start()
    moments = random.Random(SEED)
    for number in range(kills):
        time.sleep(moments.uniform(0.2, 3.0))
        installed.kill()
        if number == kills // 3:
            cluster.kill_apiserver()
            cluster.start_apiserver()
        if number == kills // 2:
            cluster.expire_history()
        installed.start()
    writer.join()


def change_all(cluster: ControlPlane, order: Sequence[tuple[str, str]]) -> None:
    """Each change once; while the API server is away, again."""
    for resource, name in order:
        while not change(cluster, resource, name):
            time.sleep(0.1)


def lost_stretches(installed: Installation) -> list[str]:
    """What the findings about gaps say of history that the server had forgotten."""
    notes = [
        evidence.get("note", "")
        for finding in installed.findings_of("visibility-gap")
        for evidence in finding.get("status", {}).get("evidence", [])
    ]
    return [note for note in notes if "HistoryLost" in note]


def found(installed: Installation) -> dict[tuple[str, str], int]:
    """(resource, name) → count, of every finding of the plan's rules that has a status."""
    counted: dict[tuple[str, str], int] = {}
    for finding in installed.findings():
        resource = finding["spec"]["rule"].removeprefix("changed-")
        if resource in KINDS and finding.get("status", {}).get("count"):
            key = (resource, finding["spec"]["target"]["name"])
            counted[key] = counted.get(key, 0) + finding["status"]["count"]
    return counted
