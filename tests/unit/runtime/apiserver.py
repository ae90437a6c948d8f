"""An API server of a few lines on loopback: enough of one for a whole operator, and it can be made to fail at will."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from auditwatch.cluster.client import Cluster
from auditwatch.runtime.canaries import CANARY_NAME
from tests.unit.cluster.hostile import kubeconfig

US = "system:serviceaccount:k10-auditwatch:k10-auditwatch"
UID = "0b1e2c3d-0000-4000-8000-000000000001"
PLURAL = "auditwatches"
WATCHES = f"/apis/k10auditwatch.io/v1alpha1/{PLURAL}"
LEASE = "/apis/coordination.k8s.io/v1/namespaces/k10-auditwatch/leases/auditwatch"
DEPLOYMENTS = "/apis/apps/v1/deployments"
OURS: dict[str, Any] = {
    "kind": "APIResourceList",
    "groupVersion": "k10auditwatch.io/v1alpha1",
    "resources": [
        {
            "name": "auditwatches",
            "singularName": "auditwatch",
            "namespaced": True,
            "kind": "AuditWatch",
            "verbs": ["list", "watch", "patch", "get"],
        }
    ],
}
GROUP_VERSION = {"groupVersion": "k10auditwatch.io/v1alpha1", "version": "v1alpha1"}
GROUPS = {"groups": [{"name": "k10auditwatch.io", "versions": [GROUP_VERSION], "preferredVersion": GROUP_VERSION}]}
ANSWERS: dict[str, Any] = {
    "/api": {"versions": []},
    "/apis": GROUPS,
    "/apis/k10auditwatch.io/v1alpha1": OURS,
    "/api/v1/namespaces/kube-system": {"metadata": {"uid": UID}},
}


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, as it arrived."""

    method: str
    path: str
    query: dict[str, str]

    @property
    def is_canary(self) -> bool:
        return self.path.endswith(f"/{CANARY_NAME}")


@dataclass
class ApiServer:
    """``asked``: every request, in order. What stands in ``refused`` is answered with that status: a part of a path."""

    kubeconfig: Path
    asked: list[Asked] = field(default_factory=list)
    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By path, what somebody wrote."""
    items: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """By path of a list."""
    refused: dict[str, int] = field(default_factory=dict)
    is_down: bool = False
    """Connections are cut without an answer; ``cut`` counts them."""
    cut: int = 0
    username: str = US
    canary: Callable[[Asked], None] = lambda _asked: None
    """Called while one of our own requests is at the server."""
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    _versions: int = 0

    def canaries(self) -> list[Asked]:
        return [each for each in self.asked if each.is_canary]

    def paths(self, method: str) -> list[str]:
        return [each.path for each in self.asked if each.method == method]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if self.is_down and request.transport is not None:
            self.cut += 1
            request.transport.abort()
            return web.Response(status=503)
        asked = Asked(request.method, request.path, dict(request.query))
        self.asked.append(asked)
        status = next((status for part, status in self.refused.items() if part in asked.path), None)
        if status is not None:
            return _refusal(status)
        if asked.is_canary:
            self.canary(asked)
            return _refusal(404 if asked.method == "GET" else 403)
        if "watch" in asked.query:
            return await self._hang(request)
        body = json.loads(await request.text() or "{}")
        return self._written(asked, body) if asked.method in ("POST", "PUT", "PATCH") else self._read(asked)

    async def _hang(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await self.closing.wait()
        return response

    def _read(self, asked: Asked) -> web.Response:
        known = ANSWERS.get(asked.path) or self.objects.get(asked.path)
        if known is not None:
            return web.json_response(known)
        if "/leases/" in asked.path or f"/namespaces/k10-auditwatch/{PLURAL}/" in asked.path:
            return _refusal(404)
        return web.json_response({"metadata": {"resourceVersion": "1"}, "items": self.items.get(asked.path, [])})

    def _written(self, asked: Asked, body: dict[str, Any]) -> web.Response:
        if asked.path.endswith("/selfsubjectreviews"):
            return web.json_response({"status": {"userInfo": {"username": self.username}}})
        if asked.path.endswith("/selfsubjectaccessreviews"):
            return web.json_response({"status": {"allowed": True}})
        path = f"{asked.path}/{body['metadata']['name']}" if asked.method == "POST" else asked.path
        before = self.objects.get(path, {})
        version = before.get("metadata", {}).get("resourceVersion")
        if asked.method == "PUT" and body["metadata"].get("resourceVersion") != version:
            return _refusal(409)
        return web.json_response(self.put(path, {**before, **body}))

    def put(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Write an object, as anybody might."""
        self._versions += 1
        metadata = {**body.get("metadata", {}), "resourceVersion": str(self._versions)}
        self.objects[path] = {**body, "metadata": metadata}
        return self.objects[path]


def _refusal(status: int) -> web.Response:
    return web.json_response({"kind": "Status", "code": status, "reason": "Test", "message": "as told"}, status=status)


@asynccontextmanager
async def api_server(directory: Path) -> AsyncIterator[ApiServer]:
    """A running server; its ``kubeconfig`` lies in ``directory``."""
    application = web.Application()
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    server = ApiServer(directory / "kubeconfig")
    application.router.add_route("*", "/{path:.*}", server.answer)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    kubeconfig(directory, runner.addresses[0][1])
    try:
        yield server
    finally:
        server.closing.set()
        await runner.cleanup()


@asynccontextmanager
async def connected(server: ApiServer) -> AsyncIterator[Cluster]:
    """A client of it in the running loop."""
    async with await Cluster.connect(kubeconfig=server.kubeconfig) as cluster:
        yield cluster


async def until(holds: Callable[[], object], *, what: str = "it") -> None:
    """Wait for something that happens in another task or thread."""
    try:
        async with asyncio.timeout(30.0):
            while not holds():  # noqa: ASYNC110 - what is waited for happens in other threads
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(f"{what} never came true") from None
