"""Asks for what is known of each K10: its Deployment, its settings, and the end of its audit stream."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from auditwatch.cluster import discovery
from auditwatch.cluster.client import Cluster
from auditwatch.cluster.errors import ClusterError, ForbiddenError, RequestLine
from auditwatch.cluster.pod_logs import PODS, SUBRESOURCE
from auditwatch.cluster.requests import Query, Resource, query_string
from auditwatch.doctor.asking import found, listed, unread
from auditwatch.doctor.facts import JSONObject, K10Found, Stream, Unread
from auditwatch.k10.identity import AGGREGATED_APIS, K10Instance
from auditwatch.sources.k10stream.pods import runs_of, selector_of

CONFIG_MAPS: Final = Resource("", "v1", "configmaps")
TAIL_LINES: Final = 2_000
TAIL_BYTES: Final = 4 << 20
MARK: Final = b"K10Event"
"""What K10's documentation says that every line of its audit stream contains."""


async def k10s_of(cluster: Cluster, named: Sequence[str] = ()) -> list[K10Found]:
    """Every K10 that is found from its Deployment. Raises the errors of ``cluster/errors.py``.

    ``named``: namespaces the installer says K10 is in, where those look who may not look everywhere.
    """
    try:
        instances = await discovery.find_instances(cluster)
    except ForbiddenError:
        if not named:
            raise
        instances = await discovery.find_instances(cluster, named)
    known = await asyncio.gather(*(_k10(cluster, instance) for instance in instances))
    return [each for each in known if each is not None]


async def _k10(cluster: Cluster, instance: K10Instance) -> K10Found | None:
    """What is known of one; ``None`` where it was removed just now. Lists, as the operator itself may do no more."""
    named = {"fieldSelector": f"metadata.name={AGGREGATED_APIS}"}
    deployments = await cluster.list(discovery.DEPLOYMENTS, namespace=instance.namespace, query=named)
    if not deployments:
        return None
    (deployment,) = deployments
    audit_configs = Resource(f"config.{instance.api_domain}", "v1alpha1", "auditconfigs")
    return K10Found(
        instance=instance,
        deployment=deployment,
        settings=await found(cluster, CONFIG_MAPS, "k10-config", instance.namespace),
        stream=await _stream(cluster, instance, deployment),
        audit_configs=await listed(cluster, audit_configs, instance.namespace),
    )


async def _stream(cluster: Cluster, instance: K10Instance, deployment: JSONObject) -> Stream | Unread:
    try:
        pods = await cluster.list(PODS, namespace=instance.namespace, query={"labelSelector": selector_of(deployment)})
        names = [run.pod for run in runs_of(pods, account=instance.service_account)]
        logs = [await _tail(cluster, instance.namespace, name) for name in names]
    except ClusterError as error:
        return unread(error)
    lines = [line for log in logs for line in log.splitlines()]
    return Stream(pods=len(names), lines=len(lines), events=[line for line in lines if MARK in line])


async def _tail(cluster: Cluster, namespace: str, pod: str) -> bytes:
    asked: Query = {"container": AGGREGATED_APIS, "tailLines": TAIL_LINES, "limitBytes": TAIL_BYTES}
    path = PODS.path(namespace=namespace, name=pod, subresource=SUBRESOURCE) + query_string(asked)
    try:
        return await cluster.get_path(path)
    except ForbiddenError as error:
        line = RequestLine("get", "", "pods/log", namespace, pod)
        raise ForbiddenError(line, status=error.status, reason=error.reason, message=error.message) from error
