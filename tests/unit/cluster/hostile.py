"""A server on loopback that answers as told: the silences and broken lines a healthy API server never shows."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from auditwatch.cluster.client import Cluster, Timeouts

TOKEN = "token-of-a-test"
PATIENT = Timeouts(connect=120, request=120, silence=120)


def kubeconfig(directory: Path, port: int) -> Path:
    """A kubeconfig for a server without TLS."""
    path = directory / "kubeconfig"
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{"name": "u", "user": {"token": TOKEN}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    path.write_text(json.dumps(content))
    return path


@asynccontextmanager
async def serving(handler: object, directory: Path, *, timeouts: Timeouts = PATIENT) -> AsyncIterator[Cluster]:
    """A :class:`Cluster` whose every request goes to ``handler``."""
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handler)  # type: ignore[arg-type]  # any coroutine function
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        async with await Cluster.connect(kubeconfig=kubeconfig(directory, port), timeouts=timeouts) as cluster:
            yield cluster
    finally:
        await runner.cleanup()
