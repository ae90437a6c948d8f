"""The one writer of AuditWatch status: at once when something about a watch changes, else every ten seconds.

What it writes is computed afresh each time and written only where it differs from what the API last showed, so an
idle operator writes nothing, and a status somebody deleted comes back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Protocol

import structlog

from auditwatch.cluster.client import Cluster
from auditwatch.cluster.errors import ClusterError, NotFoundError
from auditwatch.cluster.requests import Resource
from auditwatch.runtime.registry import Registry, WatchEntry

AUDIT_WATCHES = Resource("k10auditwatch.io", "v1alpha1", "auditwatches")
TICK_SECONDS = 10.0
QUIET_SECONDS = 0.2
"""Changes that come together are written together."""

log = structlog.get_logger()


class StatusSource(Protocol):
    """Who knows how everything is (:class:`auditwatch.runtime.overview.Overview`)."""

    async def refresh(self) -> None:
        """Count what is counted for status."""
        ...

    def status_of(self, entry: WatchEntry) -> Mapping[str, Any]:
        """The whole status of one watch."""
        ...


def merge_patch(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The merge patch that turns one status into the other; empty where they are the same."""
    changed = {name: value for name, value in after.items() if before.get(name) != value}
    return changed | {name: None for name in before if name not in after}


class StatusWriter:
    """Writes the status of every watch in the registry until cancelled."""

    def __init__(self, cluster: Cluster, registry: Registry, *, overview: StatusSource) -> None:
        self._cluster = cluster
        self._registry = registry
        self._overview = overview
        self._wake = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def wake(self) -> None:
        """Write soon; from any thread."""
        self._loop.call_soon_threadsafe(self._wake.set)

    async def run(self) -> None:
        """Write, wait, write again."""
        while True:
            await self.write_all()
            try:
                async with asyncio.timeout(TICK_SECONDS):
                    await self._wake.wait()
                    await asyncio.sleep(QUIET_SECONDS)
            except TimeoutError:
                pass
            self._wake.clear()

    async def write_all(self) -> None:
        """One round; a failure concerns one watch and is tried again in the next round."""
        await self._overview.refresh()
        for entry in self._registry.entries():
            try:
                await self._write(entry)
            except ClusterError as error:
                log.warning("status not written", watch=entry.key, error=str(error))

    async def _write(self, entry: WatchEntry) -> None:
        body = merge_patch(entry.status, self._overview.status_of(entry))
        if not body:
            return
        try:
            written = await self._cluster.patch(
                AUDIT_WATCHES, entry.name, {"status": body}, namespace=entry.namespace, subresource="status"
            )
        except NotFoundError:
            return  # deleted meanwhile; the registry hears of it
        self._registry.note_status(entry.uid, written.get("status") or {})
