"""Packs and lists in ConfigMaps, from the API server to rules in force: without a restart, and never in the way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from aiohttp import web

from auditwatch.detection.shared import LABEL
from auditwatch.runtime.reconciling import Reconciling
from auditwatch.runtime.sharing import Sharing
from tests.unit.cluster.hostile import serving

PATH = "/api/v1/namespaces/aw/configmaps"


def _map(name: str, version: str = "5", **data: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "resourceVersion": version, "labels": {LABEL: "list"}}, "data": data}


@dataclass
class Told:
    """What reconciling was told, in its place: names of ConfigMaps, and how many watches."""

    calls: list[tuple[list[str], int]] = field(default_factory=list)

    def share(self, config_maps: Sequence[Mapping[str, Any]], bodies: Sequence[Mapping[str, Any]]) -> None:
        self.calls.append((sorted(each["metadata"]["name"] for each in config_maps), len(bodies)))


@dataclass
class Server:
    """Lists ``items``; a watch sends what is put into ``events``. ``status``: refuses ConfigMaps with it."""

    items: list[dict[str, Any]] = field(default_factory=list)
    events: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)
    status: int = 200
    selectors: list[str] = field(default_factory=list)
    lists: int = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.path != PATH:
            return web.json_response({"metadata": {}, "items": [{"metadata": {"name": "k10"}}]})
        self.selectors.append(request.query.get("labelSelector", ""))
        if self.status != 200:
            return web.json_response({"message": "no", "code": self.status}, status=self.status)
        if "watch" not in request.query:
            self.lists += 1
            return web.json_response({"metadata": {"resourceVersion": "1"}, "items": self.items})
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(json.dumps(await self.events.get()).encode() + b"\n")


@asynccontextmanager
async def _sharing(server: Server, directory: Path) -> AsyncIterator[tuple[Sharing, Told]]:
    told = Told()
    async with serving(server.answer, directory) as cluster:
        yield Sharing(cluster, cast("Reconciling", told), namespace="aw", retry_seconds=0.01), told


@asynccontextmanager
async def _running(sharing: Sharing) -> AsyncIterator[None]:
    task = asyncio.create_task(sharing.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _until(told: Told, call: tuple[list[str], int]) -> None:
    async with asyncio.timeout(20.0):
        while call not in told.calls:  # noqa: ASYNC110 - another thread tells
            await asyncio.sleep(0.01)


async def test_they_are_known_before_any_watch_is(tmp_path: Path) -> None:
    server = Server(items=[_map("people")])
    async with _sharing(server, tmp_path) as (sharing, told):
        assert await sharing.once()
        assert told.calls == [(["people"], 0)]
        assert server.selectors == [f"{LABEL} in (pack,list)"]


async def test_what_is_written_changed_and_deleted_is_taken_up_by_the_watches(tmp_path: Path) -> None:
    server = Server(items=[_map("people")])
    async with _sharing(server, tmp_path) as (sharing, told):
        await sharing.once()
        async with _running(sharing):
            server.events.put_nowait({"type": "ADDED", "object": _map("more", "6")})
            await _until(told, (["more", "people"], 1))
            server.events.put_nowait({"type": "DELETED", "object": _map("people", "7")})
            await _until(told, (["more"], 1))
        assert server.lists == 1


async def test_a_bookmark_is_no_change(tmp_path: Path) -> None:
    server = Server()
    async with _sharing(server, tmp_path) as (sharing, told):
        await sharing.once()
        async with _running(sharing):
            server.events.put_nowait({"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "9"}}})
            server.events.put_nowait({"type": "ADDED", "object": _map("people", "10")})
            await _until(told, (["people"], 1))
        assert told.calls == [([], 0), (["people"], 1)]


async def test_who_may_not_read_them_has_none_and_gets_them_when_allowed(tmp_path: Path) -> None:
    server = Server(items=[_map("people")], status=403)
    async with _sharing(server, tmp_path) as (sharing, told):
        assert await sharing.once()
        assert told.calls == []
        async with _running(sharing):
            server.status = 200
            await _until(told, (["people"], 1))


async def test_a_history_that_is_gone_is_read_anew(tmp_path: Path) -> None:
    server = Server()
    async with _sharing(server, tmp_path) as (sharing, told):
        await sharing.once()
        server.items.append(_map("late"))
        async with _running(sharing):
            server.events.put_nowait({"type": "ERROR", "object": {"code": 410, "reason": "Expired", "message": "old"}})
            await _until(told, (["late"], 1))
        assert server.lists == 2
