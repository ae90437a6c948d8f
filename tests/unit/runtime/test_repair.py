"""The repair loop: what no watch told us of, and a K10 that came, moved or left, is found within its minute."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from auditwatch.cluster.client import Cluster
from auditwatch.cluster.discovery import find_instances
from auditwatch.k10.identity import K10Instance
from auditwatch.runtime.reconciling import Reconciling
from auditwatch.runtime.repair import Instances, Repair
from tests.unit.runtime.apiserver import DEPLOYMENTS, WATCHES, ApiServer, api_server, connected, until

WATCH = {"metadata": {"uid": "u1", "name": "k10", "namespace": "aw", "generation": 1}}
HOME, ABROAD = (K10Instance(),), (K10Instance(namespace="backup"),)


@dataclass
class Told:
    """Stands for the reconciling: what it was told, in order."""

    repaired: list[list[str]] = field(default_factory=list)
    used: list[tuple[Instances, list[str]]] = field(default_factory=list)
    followed: list[Instances] = field(default_factory=list)

    def repair(self, bodies: Sequence[Mapping[str, Any]]) -> None:
        self.repaired.append([body["metadata"]["uid"] for body in bodies])

    def use_instances(self, instances: Instances, bodies: Sequence[Mapping[str, Any]]) -> None:
        self.used.append((instances, [body["metadata"]["uid"] for body in bodies]))


@dataclass
class Rig:
    """The loop, what it stands on, and what it told."""

    server: ApiServer
    cluster: Cluster
    told: Told = field(default_factory=Told)
    there: Instances = HOME

    async def find(self, _cluster: Cluster) -> Instances:
        return self.there

    def repair(self, found: Instances = HOME) -> Repair:
        return Repair(
            self.cluster,
            cast(Reconciling, self.told),
            find=self.find,
            follow=self.told.followed.append,
            found=found,
            seconds=0.01,
        )


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with api_server(tmp_path) as server, connected(server) as cluster:
        server.items[WATCHES] = [WATCH]
        yield Rig(server, cluster)


@pytest.fixture
async def running(rig: Rig) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(rig.repair().run())
    yield task
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.usefixtures("running")
async def test_what_was_deleted_while_nobody_listened_is_missing_from_the_next_list(rig: Rig) -> None:
    await until(lambda: ["u1"] in rig.told.repaired)
    rig.server.items[WATCHES] = []

    await until(lambda: [] in rig.told.repaired)


@pytest.mark.usefixtures("running")
async def test_a_k10_that_stays_is_not_followed_anew(rig: Rig) -> None:
    await until(lambda: len(rig.told.repaired) >= 3)

    assert (rig.told.used, rig.told.followed) == ([], [])


@pytest.mark.usefixtures("running")
async def test_a_k10_that_moved_is_compiled_for_and_followed_once(rig: Rig) -> None:
    rig.there = ABROAD
    await until(lambda: rig.told.followed)
    rounds = len(rig.told.repaired)
    await until(lambda: len(rig.told.repaired) >= rounds + 2)

    assert (rig.told.used, rig.told.followed) == ([(ABROAD, ["u1"])], [ABROAD])


@pytest.mark.usefixtures("running")
async def test_a_k10_that_was_removed_is_still_watched_and_seen_to_come_back_elsewhere(rig: Rig) -> None:
    rig.there = ()
    await until(lambda: len(rig.told.repaired) >= 3)
    assert rig.told.followed == []

    rig.there = ABROAD
    await until(lambda: rig.told.followed)
    assert rig.told.followed == [ABROAD]


async def test_a_k10_that_comes_after_the_start_is_followed(rig: Rig) -> None:
    task = asyncio.create_task(rig.repair(found=()).run())
    await until(lambda: rig.told.followed)
    task.cancel()

    assert rig.told.followed == [HOME]


async def test_a_server_that_fails_in_the_middle_of_a_move_does_not_make_us_forget_the_move(rig: Rig) -> None:
    moved = 0

    async def find(_cluster: Cluster) -> Instances:
        nonlocal moved
        moved += 1
        rig.server.refused[WATCHES] = 503  # between looking for K10 and listing the watches
        return ABROAD

    repair = rig.repair()
    repair._find = find
    task = asyncio.create_task(repair.run())
    await until(lambda: moved)
    assert rig.told.followed == []
    repair._find = rig.find
    rig.there = ABROAD
    rig.server.refused.clear()
    await until(lambda: rig.told.followed)
    task.cancel()

    assert rig.told.followed == [ABROAD]


@pytest.mark.parametrize("trouble", ["refused", "cut"])
async def test_an_outage_puts_the_repair_off_and_does_not_end_it(
    rig: Rig, running: asyncio.Task[None], trouble: str, capsys: pytest.CaptureFixture[str]
) -> None:
    await until(lambda: rig.told.repaired)
    if trouble == "cut":
        rig.server.is_down = True
    else:
        rig.server.refused[WATCHES] = 403
    said = ""
    while "repair put off" not in said:
        await asyncio.sleep(0.01)
        said += capsys.readouterr().out
    rig.server.is_down = False
    rig.server.refused.clear()
    rounds = len(rig.told.repaired)
    await until(lambda: len(rig.told.repaired) > rounds)

    assert not running.done()


async def test_k10_is_found_by_its_deployment_wherever_it_is(rig: Rig) -> None:
    assert await find_instances(rig.cluster) == ()

    rig.server.items[DEPLOYMENTS] = [{"metadata": {"name": "aggregatedapis-svc", "namespace": "backup"}}]
    (found,) = await find_instances(rig.cluster)

    assert found.namespace == "backup"
    assert rig.server.asked[-2].query["fieldSelector"] == "metadata.name=aggregatedapis-svc"


async def test_without_the_right_to_list_api_services_the_usual_domain_is_taken(rig: Rig) -> None:
    rig.server.items[DEPLOYMENTS] = [{"metadata": {"name": "aggregatedapis-svc", "namespace": "backup"}}]
    rig.server.refused["apiservices"] = 403
    (found,) = await find_instances(rig.cluster)

    assert found.api_domain == "kio.kasten.io"
