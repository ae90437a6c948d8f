"""A K10 on a node that misbehaves: a server on loopback with pods, their logs, and the API behind our requests."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

from auditwatch.events.activity import Gap
from auditwatch.events.audit import AuditRecord
from auditwatch.events.canary import Probe
from auditwatch.events.redaction import Redactor
from auditwatch.events.times import format_time
from auditwatch.journal.delivery import Intake
from auditwatch.journal.journal import Journal
from auditwatch.sources.k10stream.canary import Pace
from auditwatch.sources.k10stream.course import Intervals
from auditwatch.sources.k10stream.report import PodReport
from auditwatch.sources.k10stream.source import K10StreamSource
from tests.integration.following import DirectIntake
from tests.unit.cluster.hostile import serving
from tests.unit.sources.k10stream.making import ACCOUNT, K10, echo, event, names, probe, wrapped

SECONDS = 60.0
OWNER = {"kind": "ReplicaSet", "name": "aggregatedapis-svc-76ccc59fbc", "controller": True}
QUICK = Intervals(pods=0.1, hole=0.3, farewell=0.2, position=0.0, forbidden=0.1, first_retry=0.05, last_retry=0.1)
BRISK = Pace(interval=0.3, lesson=0.05, deadline=50.0, tick=0.02)
HASTY = Pace(interval=0.2, lesson=0.05, deadline=0.1, tick=0.02)
Wrap = Callable[..., bytes]


@dataclass(slots=True)
class Pod:
    """One pod and the logs of the lives of its container."""

    name: str = "aggregatedapis-svc-76ccc59fbc-abcde"
    uid: str = "u-1"
    restarts: int = 0
    started: float = field(default_factory=lambda: time.time() - 100)
    lives: list[list[tuple[float, bytes]]] = field(default_factory=lambda: [[]])
    has_ended: bool = False
    refusal: int = 0
    """Answer requests for the log with this status."""
    told: int | None = None
    """What the kubelet says of restarts while it is late."""
    forgets_previous: bool = False
    hangs: bool = False
    """A follower is not told of the end of the log."""
    breaks: bool = False
    """The connection ends in the middle of the last line."""
    complaint: bytes = b""
    """What the kubelet writes instead of the log."""

    def say(self, text: bytes, *, at: float | None = None) -> None:
        self.lives[-1].append((time.time() if at is None else at, text))

    def restart(self) -> None:
        self.lives.append([])
        self.restarts += 1
        self.started = time.time()

    def rotate(self) -> None:
        """The kubelet begins another file, and serves no older one."""
        self.lives[-1].clear()

    def manifest(self) -> dict[str, Any]:
        started = format_time(self.started)
        restarts = self.restarts if self.told is None else self.told
        status = {"name": "aggregatedapis-svc", "restartCount": restarts, "state": {"running": {"startedAt": started}}}
        return {
            "metadata": {"name": self.name, "uid": self.uid, "ownerReferences": [OWNER]},
            "spec": {"serviceAccountName": "k10-k10"},
            "status": {"containerStatuses": [status]},
        }


@dataclass(slots=True)
class Node:
    """What the server answers with; tests change it while it serves."""

    pods: list[Pod] = field(default_factory=lambda: [Pod()])
    is_installed: bool = True
    wrap: Wrap | None = wrapped
    """How K10 wraps its events; ``None``: it writes none."""
    swallows: bool = False
    """Whether our own requests do not reach the log."""
    lists: int = 200
    api: int = 404
    asked: list[dict[str, str]] = field(default_factory=list)
    """Queries of all requests for logs."""
    canaries: int = 0

    def act(self, *objects: str, pod: int = 0, at: float | None = None) -> None:
        """Somebody does something K10 logs."""
        assert self.wrap is not None
        for name in objects:
            self.pods[pod].say(self.wrap(event(name, auditID=f"{name}-{uuid.uuid4()}"), time=str(time.time())), at=at)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        if path.endswith("/selfsubjectreviews"):
            return web.json_response({"status": {"userInfo": {"username": ACCOUNT}}}, status=201)
        if path.endswith("/log"):
            return await self._log(request)
        if path.endswith("/k10-auditwatch-canary"):
            return self._canary(request)
        if self.lists != 200:
            return _refused(self.lists)
        items: list[dict[str, Any]] = [pod.manifest() for pod in self.pods]
        if path.endswith("/deployments"):
            items = [{"spec": {"selector": {"matchLabels": {"run": "aggregatedapis-svc"}}}}] * self.is_installed
        return web.json_response({"metadata": {}, "items": items})

    def _canary(self, request: web.Request) -> web.Response:
        pod = self.pods[self.canaries % len(self.pods)]
        self.canaries += 1
        if self.api == 404 and self.wrap is not None and not self.swallows:
            sent = _with_nonce(probe(), request.query["canary"])
            pod.say(self.wrap(echo(sent, auditID=str(uuid.uuid4())), time=str(time.time())))
        return _refused(self.api, message='restorepoints "k10-auditwatch-canary" not found')

    async def _log(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(dict(request.query))
        pod = next((pod for pod in self.pods if f"/{pod.name}/" in request.path), None)
        if pod is None:
            return _refused(404)
        if pod.refusal:
            return _refused(pod.refusal)
        previous = request.query.get("previous") == "true"
        if previous and (pod.forgets_previous or len(pod.lives) < 2):
            return _refused(400, message="previous terminated container not found")
        response = web.StreamResponse()
        await response.prepare(request)
        if pod.complaint:
            await response.write(pod.complaint + b"\n")
            return response
        since = request.query.get("sinceTime")
        await self._write(request, response, pod, pod.lives[-2 if previous else -1], since, follow=not previous)
        return response

    async def _write(
        self,
        request: web.Request,
        response: web.StreamResponse,
        pod: Pod,
        life: list[tuple[float, bytes]],
        since: str | None,
        *,
        follow: bool,
    ) -> None:
        earliest = datetime.fromisoformat(since).timestamp() if since else 0.0
        written = 0
        while True:
            lines = [(at, text) for at, text in life[written:] if at >= earliest]
            written = len(life)
            for at, text in lines:
                written_line = format_time(at).encode() + b" " + text + b"\n"
                if pod.breaks and text is life[-1][1]:
                    await _break_off(request, response, written_line)
                    return
                await response.write(written_line)
            is_over = pod.has_ended or pod.refusal or life is not pod.lives[-1] or pod not in self.pods
            if not follow or (is_over and not pod.hangs):
                return
            await asyncio.sleep(0.01)


def _with_nonce(of: Probe, nonce: str) -> Probe:
    """A request of our own with the nonce that was really asked with."""
    return replace(of, nonce=nonce)


async def _break_off(request: web.Request, response: web.StreamResponse, line: bytes) -> None:
    await response.write(line[: len(line) // 2])
    assert request.transport is not None
    request.transport.abort()


def _refused(status: int, message: str = "no") -> web.Response:
    return web.json_response({"kind": "Status", "message": message, "code": status}, status=status)


@dataclass(frozen=True, slots=True)
class Running:
    """A source that runs, and what it has received so far."""

    node: Node
    journal: Journal
    source: K10StreamSource

    def received(self) -> list[AuditRecord | Gap]:
        rows = self.journal.unsettled(limit=100_000)
        return [msgspec.json.decode(row.payload, type=AuditRecord | Gap) for row in rows]

    def told(self) -> list[str]:
        """Names of the objects that others' events are about, in order."""
        records = [one for one in self.received() if isinstance(one, AuditRecord)]
        return [name for name in names(records) if name != "k10-auditwatch-canary"]

    def gaps(self) -> list[Gap]:
        return [one for one in self.received() if isinstance(one, Gap)]

    def reports(self) -> list[PodReport]:
        return self.source.report()

    async def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + SECONDS
        while not condition():
            assert time.monotonic() < deadline, (self.reports(), self.told(), self.gaps())
            await asyncio.sleep(0.01)

    async def until_state(self, state: str) -> None:
        await self.until(lambda: {report.state for report in self.reports()} == {state})

    async def until_told(self, *objects: str) -> None:
        await self.until(lambda: set(objects) <= set(self.told()))


@asynccontextmanager
async def running(
    directory: Path,
    node: Node,
    *,
    pace: Pace = BRISK,
    intake: Callable[[Journal], Intake] = DirectIntake,
    clock: Callable[[], float] = time.time,
) -> AsyncIterator[Running]:
    """The source over the journal in ``directory``; leaving ends it without a word, like a crash."""
    journal = Journal.open(
        directory / "journal.db", clock=time.time, new_id=lambda: "journal-1", new_key=lambda: b"key"
    )
    async with serving(node.handle, directory) as cluster:
        source = K10StreamSource(
            cluster=cluster,
            intake=intake(journal),
            redactor=Redactor(b"key"),
            cluster_name="cluster-1",
            k10=K10,
            clock=clock,
            monotonic=time.monotonic,
            jitter=lambda: 0.5,
            new_nonce=lambda: uuid.uuid4().hex,
            pace=pace,
            intervals=QUICK,
        )
        task = asyncio.create_task(source.run())
        try:
            yield Running(node, journal, source)
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            journal.close()
