"""Asks for what only a bundle holds: how K10's API groups are discovered, and the operator's metrics."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import msgspec

from auditwatch.cluster.client import Cluster
from auditwatch.cluster.errors import ClusterError
from auditwatch.cluster.requests import Resource
from auditwatch.doctor.asking import attempt, unread
from auditwatch.doctor.bundle import Captured
from auditwatch.doctor.facts import Facts, JSONObject, Unread
from auditwatch.doctor.installed import pods_selected
from auditwatch.k10.groups import KANISTER

PODS: Final = Resource("", "v1", "pods")
PROBES_PORT: Final = 8080


async def capture(cluster: Cluster, facts: Facts) -> Captured:
    """What it takes besides the facts; what cannot be read says why."""
    paths = [f"/apis/{group}/v1alpha1" for group in _groups(facts)]
    answers = await asyncio.gather(*(_discovered(cluster, path) for path in paths))
    return Captured(discovery=dict(zip(paths, answers, strict=True)), metrics=await _metrics(cluster, facts))


def _groups(facts: Facts) -> list[str]:
    served = facts.platform.groups
    domains = [] if isinstance(facts.k10s, Unread) else [each.instance.api_domain for each in facts.k10s]
    if isinstance(served, Unread):
        return []
    return sorted(
        group for group in served if group == KANISTER or group.endswith(tuple(f".{each}" for each in domains))
    )


async def _discovered(cluster: Cluster, path: str) -> JSONObject | Unread:
    try:
        return msgspec.json.decode(await cluster.get_path(path), type=dict[str, Any])
    except ClusterError as error:
        return unread(error)
    except (msgspec.DecodeError, ValueError):
        return Unread("the answer is no JSON object")


async def _metrics(cluster: Cluster, facts: Facts) -> str | Unread:
    namespace, chosen = facts.namespace, pods_selected(facts.operator.deployments)
    if not chosen:
        return Unread("the operator has no Deployment")
    selector = ",".join(f"{label}={value}" for label, value in sorted(chosen.items()))
    pods = await attempt(cluster.list(PODS, namespace=namespace, query={"labelSelector": selector}))
    if isinstance(pods, Unread):
        return pods
    if not pods:
        return Unread("the operator has no pod")
    path = PODS.path(namespace=namespace, name=f"{pods[0]['metadata']['name']}:{PROBES_PORT}", subresource="proxy")
    answer = await attempt(cluster.get_path(f"{path}/metrics"))
    return answer if isinstance(answer, Unread) else answer.decode(errors="replace")
