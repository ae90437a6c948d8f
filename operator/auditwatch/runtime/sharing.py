"""ConfigMaps with packs and lists, followed: what somebody writes there is in force moments later, without a restart.

They are read before the first AuditWatch is taken up, because a watch that finds its pack missing gives up the
windows of its rules. Where they may not be read, or cannot be for a while, what was known last stays.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final

import structlog

from auditwatch.cluster.client import Cluster
from auditwatch.cluster.configmaps import CONFIG_MAPS
from auditwatch.cluster.errors import ClusterError, ForbiddenError, GoneError
from auditwatch.detection.shared import LABEL, LIST, PACK
from auditwatch.runtime.reconciling import Reconciling
from auditwatch.runtime.statuswriter import AUDIT_WATCHES

QUERY: Final = {"labelSelector": f"{LABEL} in ({PACK},{LIST})"}
RETRY_SECONDS: Final = 30.0
WATCH_SECONDS: Final = 300

log = structlog.get_logger()


class Sharing:
    """``once`` reads them all; ``run`` follows them for ever."""

    def __init__(
        self, cluster: Cluster, reconciling: Reconciling, *, namespace: str, retry_seconds: float = RETRY_SECONDS
    ) -> None:
        self._cluster = cluster
        self._reconciling = reconciling
        self._namespace = namespace
        self._retry_seconds = retry_seconds
        self._known: dict[str, dict[str, Any]] = {}
        self._version = ""
        self._complaint = ""

    async def once(self) -> bool:
        """Know what there is, before any AuditWatch is known.

        Raises the errors of ``cluster/errors.py``, but not the one for missing rights: packs in ConfigMaps are an
        offer, and who takes the right away declines it.
        """
        try:
            await self._list()
        except ForbiddenError as error:
            self._complain(error)
            return True
        self._reconciling.share(list(self._known.values()), ())
        return True

    async def run(self) -> None:
        """Until cancelled; what fails is begun anew after a pause."""
        while True:
            try:
                if not self._version:
                    await self._list()
                    await self._share()
                await self._follow()
            except GoneError:
                self._version = ""
            except ClusterError as error:
                self._version = ""
                self._complain(error)
                await asyncio.sleep(self._retry_seconds)

    async def _list(self) -> None:
        found: dict[str, dict[str, Any]] = {}
        async for page in self._cluster.list_pages(CONFIG_MAPS, namespace=self._namespace, query=QUERY):
            found |= {_name(item): item for item in map(_decoded, page.items)}
            self._version = page.resource_version
        self._known, self._complaint = found, ""

    async def _follow(self) -> None:
        """One watch, until the server ends it; what arrives together is taken up together."""
        watching = self._cluster.watch(
            CONFIG_MAPS,
            namespace=self._namespace,
            resource_version=self._version,
            timeout_seconds=WATCH_SECONDS,
            query=QUERY,
        )
        async for lines in watching:
            changes = [self._take(_decoded(line)) for line in lines]
            if any(changes):
                await self._share()

    def _take(self, event: dict[str, Any]) -> bool:
        """Whether the event tells of a change."""
        kind, item = event.get("type"), event.get("object") or {}
        self._version = str((item.get("metadata") or {}).get("resourceVersion") or self._version)
        if kind == "BOOKMARK":
            return False
        if kind == "DELETED":
            self._known.pop(_name(item), None)
        else:
            self._known[_name(item)] = item
        return True

    async def _share(self) -> None:
        bodies = await self._cluster.list(AUDIT_WATCHES)
        await asyncio.to_thread(self._reconciling.share, list(self._known.values()), bodies)
        log.info("packs and lists taken up", config_maps=len(self._known))

    def _complain(self, error: ClusterError) -> None:
        if str(error) != self._complaint:
            self._complaint = str(error)
            log.warning(
                "ConfigMaps with packs and lists cannot be read; what was known of them stays", reason=str(error)
            )


def _name(config_map: dict[str, Any]) -> str:
    return str((config_map.get("metadata") or {}).get("name") or "")


def _decoded(raw: bytes) -> dict[str, Any]:
    """The object or event; empty where nobody can read it, which is then no ConfigMap of ours."""
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
