"""The Lease on a real API server: one holder at a time, taken over, given back, lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from auditwatch.cluster.client import Cluster
from auditwatch.cluster.lease import LEASES, LeaseHolder, LeaseTimes
from tests.cluster.controlplane import ControlPlane

QUICK = LeaseTimes(duration=4, deadline=3, retry=0.2)
SECONDS = 60


def holder(cluster: Cluster, identity: str, *, name: str, times: LeaseTimes = QUICK) -> LeaseHolder:
    return LeaseHolder(
        cluster,
        namespace="default",
        name=name,
        identity=identity,
        clock=time.monotonic,
        wall=lambda: datetime.now(UTC),
        times=times,
    )


async def named(cluster: Cluster, name: str) -> str:
    return str((await cluster.get(LEASES, name, namespace="default"))["spec"]["holderIdentity"])


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(1200):
        if condition():
            return
        await asyncio.sleep(0.05)
    pytest.fail("it never came true")


async def acquired(one: LeaseHolder) -> None:
    await asyncio.wait_for(one.acquire(), SECONDS)


async def test_the_first_takes_it_and_the_second_waits_for_whom(control_plane: ControlPlane) -> None:
    async with await Cluster.connect(kubeconfig=control_plane.kubeconfig()) as cluster:
        first, second = holder(cluster, "a", name="two"), holder(cluster, "b", name="two")
        await acquired(first)
        keeping = asyncio.create_task(first.keep(pytest.fail))
        told: list[str] = []
        waiting = asyncio.create_task(second.acquire(waiting=told.append))
        await until(lambda: len(told) >= 5)

        assert set(told) == {"held by a"}
        assert first.held
        assert not second.held
        for task in (keeping, waiting):
            task.cancel()


async def test_a_lease_given_back_is_taken_at_once(control_plane: ControlPlane) -> None:
    patient = LeaseTimes(duration=3600, deadline=3000, retry=0.1)
    async with await Cluster.connect(kubeconfig=control_plane.kubeconfig()) as cluster:
        first, second = (holder(cluster, name, name="back", times=patient) for name in "ab")
        await acquired(first)
        await first.release()
        assert await named(cluster, "back") == ""

        await acquired(second)

        assert await named(cluster, "back") == "b"
        assert not first.held


async def test_a_killed_holder_is_followed_when_its_time_has_passed(control_plane: ControlPlane) -> None:
    async with await Cluster.connect(kubeconfig=control_plane.kubeconfig()) as cluster:
        await acquired(holder(cluster, "a", name="killed"))

        await acquired(holder(cluster, "b", name="killed"))

        lease = await cluster.get(LEASES, "killed", namespace="default")
        assert (lease["spec"]["holderIdentity"], lease["spec"]["leaseTransitions"]) == ("b", 1)


async def test_a_restarted_process_has_its_own_lease_back_at_once(control_plane: ControlPlane) -> None:
    patient = LeaseTimes(duration=3600, deadline=3000, retry=0.1)
    async with await Cluster.connect(kubeconfig=control_plane.kubeconfig()) as cluster:
        await acquired(holder(cluster, "a", name="restarted", times=patient))

        await acquired(holder(cluster, "a", name="restarted", times=patient))

        lease = await cluster.get(LEASES, "restarted", namespace="default")
        assert lease["spec"]["leaseTransitions"] == 0


async def test_a_holder_that_was_robbed_is_told_by_whom(control_plane: ControlPlane) -> None:
    async with await Cluster.connect(kubeconfig=control_plane.kubeconfig()) as cluster:
        robbed = holder(cluster, "a", name="robbed")
        await acquired(robbed)
        lost: list[str] = []
        keeping = asyncio.create_task(robbed.keep(lost.append))
        await cluster.patch(LEASES, "robbed", {"spec": {"holderIdentity": "thief"}}, namespace="default")
        await asyncio.wait_for(keeping, SECONDS)

        assert lost == ["thief holds it now"]
        assert not robbed.held


async def test_a_deleted_lease_is_made_again_by_its_holder(control_plane: ControlPlane) -> None:
    async with await Cluster.connect(kubeconfig=control_plane.kubeconfig()) as cluster:
        one = holder(cluster, "a", name="deleted")
        await acquired(one)
        keeping = asyncio.create_task(one.keep(pytest.fail))
        await cluster.delete(LEASES, "deleted", namespace="default")
        for _ in range(1200):
            if "deleted" in {lease["metadata"]["name"] for lease in await cluster.list(LEASES, namespace="default")}:
                break
            await asyncio.sleep(0.05)

        assert await named(cluster, "deleted") == "a"
        keeping.cancel()
