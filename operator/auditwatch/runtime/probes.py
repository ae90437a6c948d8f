"""/healthz, /readyz and /metrics: kopf's own probe proves only that its loop answers, ours ask what matters.

Healthy: the main loop keeps up and the engine thread lives. Ready: this process holds the Lease and can commit.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

LAG_LIMIT_SECONDS = 5.0
MEASURE_SECONDS = 1.0

Checks = Callable[[], Mapping[str, str]]
"""Name of each check → why it fails, or an empty string where it holds."""


@dataclass(slots=True)
class LoopLag:
    """How late the main loop runs: the last measured delay of a timer, seconds."""

    seconds: float = 0.0

    async def measure(self) -> None:
        """Keep measuring until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + MEASURE_SECONDS
            await asyncio.sleep(MEASURE_SECONDS)
            self.seconds = max(0.0, loop.time() - due)


def verdict(checks: Mapping[str, str]) -> tuple[int, str]:
    """HTTP status and body of a probe: 200 where every check holds, else 503 with the reasons."""
    failing = {name: why for name, why in checks.items() if why}
    lines = [f"[-] {name}: {failing[name]}" if name in failing else f"[+] {name}: ok" for name in checks]
    return (503 if failing else 200), "\n".join(lines) + "\n"


class Probes:
    """The HTTP server of the probes; ``port`` is the one it really listens on."""

    def __init__(self, *, health: Checks, readiness: Checks, metrics: CollectorRegistry) -> None:
        self._metrics = metrics
        self._app = web.Application()
        self._app.router.add_get("/healthz", _answering(health))
        self._app.router.add_get("/readyz", _answering(readiness))
        self._app.router.add_get("/metrics", self._serve_metrics)
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def start(self, *, address: str, port: int) -> None:
        """Listen. Raises ``OSError`` with the fix where the port is taken or the address is not ours."""
        self._runner = web.AppRunner(self._app, access_log=None)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, address, port).start()
        except OSError as error:
            await self.stop()
            code = error.errno or 0
            why = os.strerror(code) if code > 0 else error.strerror
            fix = "set probes.address and probes.port in the installer's configuration"
            raise OSError(f"cannot serve probes and metrics on {address}:{port}: {why}; {fix}") from error
        self.port = int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Close the port."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _serve_metrics(self, _request: web.Request) -> web.Response:
        body = await asyncio.to_thread(generate_latest, self._metrics)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})


def _answering(checks: Checks) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(_request: web.Request) -> web.StreamResponse:
        status, text = verdict(checks())
        return web.Response(status=status, text=text)

    return answer
