"""Asks the cluster for everything the checks look at; what cannot be read becomes :class:`Unread` and stops nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Any, Final

import msgspec

from auditwatch.api.crd import GROUP, KINDS, VERSION
from auditwatch.cluster import discovery
from auditwatch.cluster.access import missing
from auditwatch.cluster.client import Cluster
from auditwatch.cluster.errors import ForbiddenError
from auditwatch.cluster.lease import LEASES
from auditwatch.cluster.requests import Resource
from auditwatch.cluster.whoami import username
from auditwatch.doctor.asking import attempt, found, listed
from auditwatch.doctor.facts import Facts, JSONObject, Operator, Platform, Rights, Server, Unread
from auditwatch.doctor.installed import (
    PART_OF,
    PRODUCT,
    account_of,
    claims_of,
    configuration_in,
    configured,
    is_ours,
    settings_of,
)
from auditwatch.doctor.k10gathering import k10s_of
from auditwatch.doctor.rights import needed

OURS: Final = {"labelSelector": f"{PART_OF}={PRODUCT}"}
DEFINITIONS: Final = Resource("apiextensions.k8s.io", "v1", "customresourcedefinitions")
WATCHES: Final = Resource(GROUP, VERSION, "auditwatches")
CONFIG_MAPS: Final = Resource("", "v1", "configmaps")
CLAIMS: Final = Resource("", "v1", "persistentvolumeclaims")
SERVICES: Final = Resource("", "v1", "services")
SLICES: Final = Resource("discovery.k8s.io", "v1", "endpointslices")
DAEMON_SETS: Final = Resource("apps", "v1", "daemonsets")
NODES: Final = Resource("", "v1", "nodes")
PODS: Final = Resource("", "v1", "pods")


async def gather(cluster: Cluster, *, namespace: str, clock: Callable[[], float]) -> Facts:
    """Everything. ``clock``: seconds since the epoch. Where the API server does not answer, that alone."""
    server = await attempt(_server(cluster, clock))
    if isinstance(server, Unread):
        return Facts(namespace=namespace, server=server)
    operator, platform = await asyncio.gather(_operator(cluster, namespace), _platform(cluster))
    settings = configured(operator.configuration)
    k10s = await attempt(k10s_of(cluster, settings.k10_namespaces))
    names = [f"{kind.plural}.{GROUP}" for kind in KINDS]
    definitions = await asyncio.gather(*(found(cluster, DEFINITIONS, name) for name in names))
    instances = [] if isinstance(k10s, Unread) else [k10.instance for k10 in k10s]
    multicluster = await _present(cluster, {k10.multicluster_namespace for k10 in instances})
    features = needed(namespace, instances, settings, sorted(multicluster))
    return Facts(
        namespace=namespace,
        server=server,
        definitions=dict(zip(names, definitions, strict=True)),
        operator=operator,
        watches=await listed(cluster, WATCHES),
        k10s=k10s,
        platform=platform,
        multicluster=multicluster,
        rights=await attempt(_rights(cluster, account_of(operator.deployments, namespace), features)),
    )


async def _server(cluster: Cluster, clock: Callable[[], float]) -> Server:
    body, date = await cluster.get_path_and_date("/version")
    asked = clock()
    try:
        version = str(msgspec.json.decode(body, type=dict[str, Any]).get("gitVersion") or "")
    except (msgspec.DecodeError, ValueError):
        version = ""
    return Server(version=version, date=_seconds(date), asked=asked)


def _seconds(date: str) -> float | None:
    try:
        return parsedate_to_datetime(date).timestamp()
    except ValueError:
        return None


async def _operator(cluster: Cluster, namespace: str) -> Operator:
    deployments, services, slices, agents = await asyncio.gather(
        attempt(_deployments(cluster, namespace)),
        attempt(cluster.list(SERVICES, namespace=namespace)),
        attempt(cluster.list(SLICES, namespace=namespace)),
        attempt(cluster.list(DAEMON_SETS, query=OURS)),
    )
    place = settings_of(deployments)
    held = await found(cluster, CONFIG_MAPS, place, namespace) if place else None
    configuration = held if isinstance(held, Unread) else configuration_in(held)
    settings = configured(configuration)
    return Operator(
        deployments=deployments,
        elsewhere=() if deployments else await _elsewhere(cluster),
        lease=await found(cluster, LEASES, settings.lease, namespace),
        configuration=configuration,
        claims=await _named(cluster, CLAIMS, {name: (namespace, name) for name in claims_of(deployments)}),
        authorities=await _named(cluster, CONFIG_MAPS, {place: _split(place) for place in settings.authorities}),
        services=services,
        slices=slices,
        agents=agents,
    )


async def _deployments(cluster: Cluster, namespace: str = "") -> list[JSONObject]:
    return [each for each in await cluster.list(discovery.DEPLOYMENTS, namespace=namespace) if is_ours(each)]


async def _elsewhere(cluster: Cluster) -> list[str]:
    """Namespaces with an operator, as far as that can be read."""
    held = await attempt(_deployments(cluster))
    return [] if isinstance(held, Unread) else sorted({str(each["metadata"]["namespace"]) for each in held})


async def _present(cluster: Cluster, namespaces: Collection[str]) -> frozenset[str]:
    """Those that exist; of one that nobody may ask about nothing is said."""
    answers = await asyncio.gather(*(found(cluster, discovery.NAMESPACES, each) for each in namespaces))
    return frozenset(
        name
        for name, held in zip(namespaces, answers, strict=True)
        if held is not None and not isinstance(held, Unread)
    )


async def _named(
    cluster: Cluster, resource: Resource, places: Mapping[str, tuple[str, str]]
) -> Mapping[str, JSONObject | Unread | None]:
    answers = await asyncio.gather(*(found(cluster, resource, name, where) for where, name in places.values()))
    return dict(zip(places, answers, strict=True))


def _split(place: str) -> tuple[str, str]:
    namespace, _, name = place.partition("/")
    return namespace, name


async def _platform(cluster: Cluster) -> Platform:
    nodes, pods, groups = await asyncio.gather(
        attempt(cluster.list(NODES)),
        attempt(cluster.list(PODS, namespace="kube-system", query={"labelSelector": "component=kube-apiserver"})),
        attempt(_groups(cluster)),
    )
    return Platform(nodes=nodes, api_servers=pods, groups=groups)


async def _groups(cluster: Cluster) -> frozenset[str]:
    body = await cluster.get_path("/apis")
    try:
        listed = msgspec.json.decode(body, type=dict[str, Any]).get("groups") or []
    except (msgspec.DecodeError, ValueError):
        return frozenset()
    return frozenset(str(group.get("name")) for group in listed)


async def _rights(cluster: Cluster, account: str, features: Mapping[str, Sequence[Any]]) -> Rights:
    """The operator's rights, or ours where nobody tells us of the operator's; in the pod that is the same."""
    name = f"system:serviceaccount:{account.replace('/', ':')}"
    asked = [each for needs in features.values() for each in needs]
    try:
        lacking, who = await missing(cluster, asked, account), name
    except ForbiddenError:
        lacking, who = await missing(cluster, asked), await username(cluster)
    return Rights(
        account=who,
        is_operator=who == name,
        asked=len(asked),
        missing={
            feature: gone
            for feature, needs in features.items()
            if (gone := [each for each in needs if each in lacking])
        },
    )
