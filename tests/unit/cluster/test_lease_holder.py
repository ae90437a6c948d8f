"""A holder and a server that fails in every way: the Lease is lost exactly when nobody could renew it in time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from auditwatch.cluster.client import Cluster
from auditwatch.cluster.lease import LeaseHolder, LeaseTimes
from tests.unit.cluster.hostile import serving

TIMES = LeaseTimes(duration=15.0, deadline=10.0, retry=0.0)
WALL = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


@dataclass
class Server:
    """One Lease. ``refusals`` are answered first, one a request; ``None``: it is done, and the answer lost."""

    lease: dict[str, Any] | None = None
    refusals: list[int | None] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    version: int = 0

    def write(self, body: dict[str, Any]) -> None:
        self.version += 1
        self.lease = {**body, "metadata": {**body["metadata"], "resourceVersion": str(self.version)}}

    def take(self, holder: str, *, duration: int = 15) -> None:
        """Somebody else writes it."""
        self.write({"metadata": {"name": "l"}, "spec": {"holderIdentity": holder, "leaseDurationSeconds": duration}})

    @property
    def holder(self) -> str | None:
        return None if self.lease is None else self.lease["spec"]["holderIdentity"]

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.method)
        refusal = self.refusals.pop(0) if self.refusals else 200
        if refusal not in (200, None):
            return web.json_response({"message": "as told"}, status=refusal)
        status = self._take(request.method, json.loads(await request.text() or "{}"))
        if refusal is None and request.transport is not None:
            request.transport.abort()
        return web.json_response(self.lease or {}, status=status)

    def _take(self, method: str, body: dict[str, Any]) -> int:
        known = self.lease["metadata"]["resourceVersion"] if self.lease else None
        if method == "GET":
            return 200 if self.lease else 404
        if (method == "POST") == (self.lease is not None) or body["metadata"].get("resourceVersion") != known:
            return 409
        self.write(body)
        return 200


@dataclass
class Rig:
    """A server, a client, and our own clock."""

    server: Server
    cluster: Cluster
    now: float = 100.0

    def holder(self, identity: str = "a") -> LeaseHolder:
        return LeaseHolder(
            self.cluster,
            namespace="ns",
            name="l",
            identity=identity,
            clock=lambda: self.now,
            wall=lambda: WALL,
            times=TIMES,
        )

    async def held(self) -> LeaseHolder:
        holder = self.holder()
        await holder.acquire()
        return holder


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    server = Server()

    async def route(request: web.Request) -> web.Response:
        return await server.answer(request)

    async with serving(route, tmp_path) as cluster:
        yield Rig(server, cluster)


async def until(holds: Callable[[], bool]) -> None:
    """Wait for what the server sees."""
    async with asyncio.timeout(30.0):
        while not holds():  # noqa: ASYNC110 - a server of a few lines has no event to wait on
            await asyncio.sleep(0.001)


async def lost(holder: LeaseHolder) -> str:
    """Keep it until it is lost; the reason."""
    reasons: list[str] = []
    await asyncio.wait_for(holder.keep(reasons.append), 30.0)
    (reason,) = reasons
    return reason


async def test_it_is_made_where_there_is_none(rig: Rig) -> None:
    holder = await rig.held()

    assert (rig.server.asked, rig.server.holder, holder.held, holder.holder) == (["GET", "POST"], "a", True, "a")


async def test_before_it_is_acquired_it_is_not_held_and_nobody_is_known_to_hold_it(rig: Rig) -> None:
    assert (rig.holder().held, rig.holder().holder) == (False, "")


async def test_two_who_make_it_at_once_agree_on_one(rig: Rig) -> None:
    """The second's POST is a conflict; it reads again and waits."""
    told: list[str] = []
    second = rig.holder("b")
    rig.server.refusals = [404]
    rig.server.take("a")
    waiting = asyncio.create_task(second.acquire(waiting=told.append))
    await until(lambda: len(told) >= 2)
    waiting.cancel()

    assert "409" in told[0]
    assert told[1] == "held by a"
    assert not second.held


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
async def test_a_refusal_is_told_and_tried_again_for_as_long_as_it_takes(rig: Rig, status: int) -> None:
    told: list[str] = []
    rig.server.refusals = [status, status]
    await asyncio.wait_for(rig.holder().acquire(waiting=told.append), 30.0)

    assert len(told) == 2
    assert all(str(status) in reason for reason in told)


async def test_it_counts_as_held_from_the_moment_the_renewal_was_sent_and_not_from_its_answer(rig: Rig) -> None:
    holder = rig.holder()
    before = rig.server.answer

    async def slow(request: web.Request) -> web.Response:
        rig.now += 4.0
        return await before(request)

    rig.server.answer = slow  # type: ignore[method-assign]  # the route asks the attribute anew
    await holder.acquire()
    sent = rig.now - 4.0
    rig.now = sent + TIMES.deadline - 0.1
    assert holder.held

    rig.now = sent + TIMES.deadline
    assert not holder.held


async def test_a_server_that_is_gone_for_less_than_the_deadline_costs_nothing(rig: Rig) -> None:
    holder = await rig.held()
    rig.server.refusals = [503, 503, 503]
    keeping = asyncio.create_task(holder.keep(pytest.fail))
    version = rig.server.version
    await until(lambda: not rig.server.refusals)
    await until(lambda: rig.server.version > version)
    rig.now += TIMES.deadline - 1.0
    assert holder.held
    keeping.cancel()


async def test_a_server_that_is_gone_until_the_deadline_loses_it_and_says_what_was_wrong(rig: Rig) -> None:
    holder = await rig.held()
    rig.server.refusals = [503]
    rig.now += TIMES.deadline - 8.0  # the request itself has these seconds, of real time

    async def late(request: web.Request) -> web.Response:
        rig.now += 9.0
        del request
        return web.json_response({"message": "as told"}, status=503)

    rig.server.answer = late  # type: ignore[method-assign]  # the route asks the attribute anew

    assert (await lost(holder)).startswith(
        "not renewed for 10 s: update leases.coordination.k8s.io l in namespace ns: 503"
    )
    assert not holder.held


async def test_a_process_that_slept_past_the_deadline_has_lost_it_whoever_holds_it(rig: Rig) -> None:
    holder = await rig.held()
    rig.now += TIMES.deadline + 1.0

    assert await lost(holder) == "not renewed for 10 s: its deadline passed"


async def test_a_renewal_whose_answer_was_lost_is_no_loss_of_the_lease(rig: Rig) -> None:
    """What was written is ours, at a version we do not know: a conflict with ourselves, read again and renewed."""
    holder = await rig.held()
    rig.server.refusals = [None]
    keeping = asyncio.create_task(holder.keep(pytest.fail))
    before = rig.server.version
    await until(lambda: rig.server.version >= before + 3)
    keeping.cancel()

    assert (holder.held, rig.server.holder) == (True, "a")


async def test_a_lease_taken_by_another_is_lost_at_once_and_to_whom_is_said(rig: Rig) -> None:
    holder = await rig.held()
    rig.server.take("b")

    assert await lost(holder) == "b holds it now"
    assert rig.server.holder == "b"


async def test_a_lease_emptied_by_hand_is_lost_to_nobody(rig: Rig) -> None:
    holder = await rig.held()
    rig.server.take("")

    assert await lost(holder) == "nobody holds it now"


async def test_a_lease_deleted_by_hand_is_made_again(rig: Rig) -> None:
    holder = await rig.held()
    rig.server.lease = None
    keeping = asyncio.create_task(holder.keep(pytest.fail))
    await until(lambda: rig.server.holder is not None)
    keeping.cancel()

    assert rig.server.holder == "a"


async def test_given_back_it_names_nobody_and_is_given_back_once(rig: Rig) -> None:
    holder = await rig.held()
    await holder.release()
    written = len(rig.server.asked)
    await holder.release()

    assert (rig.server.holder, holder.held, len(rig.server.asked)) == ("", False, written)


async def test_what_is_not_ours_is_not_given_back(rig: Rig) -> None:
    holder = await rig.held()
    rig.server.take("b")
    await lost(holder)
    await holder.release()

    assert rig.server.holder == "b"


@pytest.mark.parametrize("refusal", [409, 503, None])
async def test_a_server_that_fails_at_the_end_keeps_nobody_from_ending(rig: Rig, refusal: int | None) -> None:
    holder = await rig.held()
    rig.server.refusals = [refusal]
    await holder.release()

    assert not holder.held
