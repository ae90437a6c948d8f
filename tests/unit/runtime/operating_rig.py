"""A whole operator in the test's own process, beside a small API server: journal, engine, Lease, sources and kopf."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from auditwatch.cluster.client import Cluster
from auditwatch.runtime.operating import Operator
from auditwatch.runtime.parts import Launch
from auditwatch.runtime.settings import JournalSection, LeaseSection, ProbesSection, Settings
from tests.unit.runtime.apiserver import ApiServer, until
from tests.unit.runtime.sourcing import a_free_port

NAMESPACE = "k10-auditwatch"


@dataclass
class Life:
    """One run. ``code``: what :meth:`Operator.run` gave; ``None`` while it runs."""

    operator: Operator
    port: int
    task: asyncio.Task[int] = field(init=False)

    async def page(self, path: str) -> tuple[int, str]:
        """Of the probes; 0 where nobody listens."""
        try:
            async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{self.port}{path}") as answer:
                return answer.status, await answer.text()
        except aiohttp.ClientError:
            return 0, ""

    async def says(self, words: str) -> None:
        """Wait until /readyz holds these words."""
        async with asyncio.timeout(30.0):
            while words not in (await self.page("/readyz"))[1]:  # noqa: ASYNC110 - a page has no event to wait on
                await asyncio.sleep(0.01)

    async def ready(self) -> None:
        async with asyncio.timeout(30.0):
            while (await self.page("/readyz"))[0] != 200:
                assert not self.task.done(), self.task
                await asyncio.sleep(0.01)

    async def code(self) -> int:
        """The exit code, once it has ended by itself."""
        return await asyncio.wait_for(asyncio.shield(self.task), 30.0)

    async def stopped(self) -> int:
        """SIGTERM's effect, and the exit code."""
        self.operator.stop()
        return await self.code()


def settings(directory: Path, *, port: int, **fields: Any) -> Settings:
    return Settings(
        journal=JournalSection(path=directory / "journal" / "journal.db", durable=True),
        probes=ProbesSection(address="127.0.0.1", port=port),
        lease=LeaseSection(duration_seconds=fields.pop("lease_seconds", 300)),
        **fields,
    )


@asynccontextmanager
async def living(server: ApiServer, directory: Path, *, port: int = 0, **fields: Any) -> AsyncIterator[Life]:
    """An operator that was started; it is ended with the block, if it has not ended before."""
    (directory / "journal").mkdir(exist_ok=True)
    port = port or a_free_port()
    launch = Launch(
        settings=settings(directory, port=port, **fields), namespace=NAMESPACE, kubeconfig=server.kubeconfig
    )
    async with await Cluster.connect(kubeconfig=server.kubeconfig) as cluster:
        life = Life(Operator(launch, cluster), port)
        life.task = asyncio.create_task(life.operator.run())
        try:
            yield life
        finally:
            if not life.task.done():
                life.operator.stop()
            await asyncio.gather(life.task, return_exceptions=True)


async def asked_for(server: ApiServer, path: str) -> None:
    """Wait until somebody asks for a path, or one below it."""
    await until(lambda: any(path in each.path for each in server.asked), what=f"a request for {path}")
