"""Every minute, all AuditWatches and all K10s anew: what no watch told us of is found here.

kopf never hears of a deletion that falls into a lost connection, and K10 may be installed, moved or removed while the
operator runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from auditwatch.cluster.client import Cluster
from auditwatch.cluster.errors import ClusterError
from auditwatch.k10.identity import K10Instance
from auditwatch.runtime.reconciling import Reconciling
from auditwatch.runtime.statuswriter import AUDIT_WATCHES

REPAIR_SECONDS = 60.0

Instances = tuple[K10Instance, ...]
log = structlog.get_logger()


class Repair:
    """``once`` reads all AuditWatches; ``run`` does so for ever, and looks for K10."""

    def __init__(
        self,
        cluster: Cluster,
        reconciling: Reconciling,
        *,
        find: Callable[[Cluster], Awaitable[Instances]],
        follow: Callable[[Instances], None],
        found: Instances,
        seconds: float = REPAIR_SECONDS,
    ) -> None:
        self._cluster = cluster
        self._reconciling = reconciling
        self._find = find
        self._follow = follow
        self._found = found
        self._seconds = seconds

    async def once(self) -> bool:
        """Take up every AuditWatch there is. Raises the errors of ``cluster/errors.py``."""
        bodies = await self._cluster.list(AUDIT_WATCHES)
        await asyncio.to_thread(self._reconciling.repair, bodies)
        return True

    async def run(self) -> None:
        """Until cancelled; what fails is tried again a minute later."""
        while True:
            await asyncio.sleep(self._seconds)
            try:
                await self.once()
                await self._look_for_k10()
            except ClusterError as error:
                log.warning("repair put off", reason=str(error))

    async def _look_for_k10(self) -> None:
        found = await self._find(self._cluster)
        # Where none is found any more, the last one known stays watched: its removal is what we are here to see.
        if found in (self._found, ()):
            return
        log.warning("K10 found elsewhere or anew", k10s=[instance.namespace for instance in found])
        bodies = await self._cluster.list(AUDIT_WATCHES)
        await asyncio.to_thread(self._reconciling.use_instances, found, bodies)
        self._found = found  # not before: what fails above is tried again a minute later
        self._follow(found)
