"""ConfigMaps of our own, kept as they should be with the least rights: ``create`` in the namespace, ``get`` and
``update`` of the one name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from auditwatch.cluster.client import Cluster, JSONObject
from auditwatch.cluster.errors import NotFoundError
from auditwatch.cluster.requests import Resource

CONFIG_MAPS: Final = Resource("", "v1", "configmaps")
MANAGED_BY: Final = {"app.kubernetes.io/managed-by": "k10-auditwatch"}
Kept = Literal["Created", "Updated", "Unchanged"]


def new_config_map(namespace: str, name: str, data: Mapping[str, str]) -> JSONObject:
    """The object to create."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"namespace": namespace, "name": name, "labels": dict(MANAGED_BY)},
        "data": dict(data),
    }


def with_data(found: Mapping[str, Any], data: Mapping[str, str]) -> JSONObject | None:
    """The object as found with these keys set and nothing else changed; ``None`` where they are so already."""
    held = found.get("data") or {}
    if all(held.get(key) == value for key, value in data.items()):
        return None
    return {**found, "data": {**held, **data}}


class ConfigMapKeeper:
    """Creates and updates through one API server."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def keep(self, namespace: str, name: str, data: Mapping[str, str]) -> Kept:
        """See to it that the ConfigMap holds these keys; what was done.

        Raises the errors of ``cluster/errors.py``: :class:`ConflictError` where somebody wrote at the same time.
        """
        try:
            found = await self._cluster.get(CONFIG_MAPS, name, namespace=namespace)
        except NotFoundError:
            await self._cluster.create(CONFIG_MAPS, new_config_map(namespace, name, data), namespace=namespace)
            return "Created"
        changed = with_data(found, data)
        if changed is None:
            return "Unchanged"
        await self._cluster.replace(CONFIG_MAPS, name, changed, namespace=namespace)
        return "Updated"
