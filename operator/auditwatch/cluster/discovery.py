"""What there is in this cluster: its identity, the K10s in it, and whether a kind is served.

The API's own discovery is not used: it answers for all groups at once, and one aggregated API that is down (K10's
half may be) spoils it. A list of the kind itself says the same and concerns nobody else.
"""

from __future__ import annotations

from collections.abc import Sequence

from auditwatch.cluster.client import Cluster, JSONObject
from auditwatch.cluster.errors import ForbiddenError, NotFoundError
from auditwatch.cluster.requests import Resource
from auditwatch.k10.identity import AGGREGATED_APIS, K10Instance, find_k10

NAMESPACES = Resource("", "v1", "namespaces")
DEPLOYMENTS = Resource("apps", "v1", "deployments")
API_SERVICES = Resource("apiregistration.k8s.io", "v1", "apiservices")


async def cluster_id(cluster: Cluster) -> str:
    """The uid of namespace ``kube-system``: nothing else in a cluster is as old and as unique."""
    namespace = await cluster.get(NAMESPACES, "kube-system")
    return str(namespace["metadata"]["uid"])


async def find_instances(cluster: Cluster, namespaces: Sequence[str] = ()) -> tuple[K10Instance, ...]:
    """The K10s of this cluster, found from their deployment; empty where there is none (yet).

    ``namespaces``: where to look; everywhere where none is given. Without the right to list APIServices the documented
    API domain is assumed. Raises the errors of ``cluster/errors.py`` where deployments cannot be listed.
    """
    named = {"fieldSelector": f"metadata.name={AGGREGATED_APIS}"}
    deployments: list[JSONObject] = []
    for namespace in namespaces or ("",):
        deployments += await cluster.list(DEPLOYMENTS, namespace=namespace, query=named)
    try:
        api_services = await cluster.list(API_SERVICES)
    except ForbiddenError:
        api_services = []
    return find_k10(deployments, api_services)


async def is_served(cluster: Cluster, resource: Resource, *, namespace: str = "") -> bool:
    """Whether the server knows the kind at all; a refusal to show it to us (403) is a yes.

    Raises the other errors of ``cluster/errors.py``: an aggregated API that is down is neither yes nor no.
    """
    try:
        async for _ in cluster.list_pages(resource, namespace=namespace, limit=1):
            break
    except NotFoundError:
        return False
    except ForbiddenError:
        return True
    return True
