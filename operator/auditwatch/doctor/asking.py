"""Questions to the API server whose failure is an answer too: :class:`Unread`, with the right that is missing."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from auditwatch.cluster.client import Cluster
from auditwatch.cluster.errors import ClusterError, ForbiddenError, NotFoundError
from auditwatch.cluster.requests import Resource
from auditwatch.doctor.facts import JSONObject, Unread

T = TypeVar("T")


async def attempt(work: Awaitable[T]) -> T | Unread:
    """What the work answers, or why it could not."""
    try:
        return await work
    except ClusterError as error:
        return unread(error)


async def found(cluster: Cluster, resource: Resource, name: str, namespace: str = "") -> JSONObject | Unread | None:
    """One object; ``None`` where there is none. Where it may not be got it is listed, as the operator's account may."""
    try:
        return await cluster.get(resource, name, namespace=namespace)
    except NotFoundError:
        return None
    except ForbiddenError as error:
        among = await listed(cluster, resource, namespace, name=name)
        return unread(error) if isinstance(among, Unread) else next(iter(among), None)
    except ClusterError as error:
        return unread(error)


async def listed(
    cluster: Cluster, resource: Resource, namespace: str = "", *, name: str = ""
) -> list[JSONObject] | Unread:
    """Every object of a kind, or those called ``name``; none where the kind is not served."""
    query = {"fieldSelector": f"metadata.name={name}"} if name else None
    try:
        return list(await cluster.list(resource, namespace=namespace, query=query))
    except NotFoundError:
        return []
    except ClusterError as error:
        return unread(error)


def unread(error: ClusterError) -> Unread:
    """Why something could not be read."""
    return Unread(f"not permitted: {error.request}" if isinstance(error, ForbiddenError) else str(error))
