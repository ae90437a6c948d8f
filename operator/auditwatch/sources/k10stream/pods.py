"""Which containers write K10's audit stream: those of the pods that K10's own Deployment runs, and no others.

Anybody who may create a pod in K10's namespace could give it the right labels, so a pod counts only where a ReplicaSet
of the Deployment controls it and it runs under K10's own account. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from auditwatch.events.times import parse_time
from auditwatch.k10.identity import AGGREGATED_APIS

JSONObject = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerRun:
    """One life of the container of one pod, as the kubelet last told it."""

    pod: str
    uid: str
    restarts: int = 0
    started: float | None = None
    """Seconds since the epoch, whole ones; ``None``: not (again) yet."""


def selector_of(deployment: JSONObject) -> str:
    """The label selector of its pods; empty where it has none that can be written in one."""
    labels = ((deployment.get("spec") or {}).get("selector") or {}).get("matchLabels") or {}
    return ",".join(f"{name}={value}" for name, value in sorted(labels.items()))


def runs_of(pods: Iterable[JSONObject], *, account: str) -> tuple[ContainerRun, ...]:
    """The present life of K10's container in each pod that is K10's, by name; ``account``: its service account."""
    return tuple(sorted((_run(pod) for pod in pods if _is_k10s(pod, account)), key=lambda run: run.pod))


def _is_k10s(pod: JSONObject, account: str) -> bool:
    owners = pod["metadata"].get("ownerReferences") or ()
    owned = any(
        owner.get("controller") is True
        and owner.get("kind") == "ReplicaSet"
        and str(owner.get("name", "")).startswith(f"{AGGREGATED_APIS}-")
        for owner in owners
    )
    return owned and ((pod.get("spec") or {}).get("serviceAccountName") or "default") == account


def _run(pod: JSONObject) -> ContainerRun:
    metadata = pod["metadata"]
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    status: JSONObject = next((each for each in statuses if each.get("name") == AGGREGATED_APIS), {})
    state = status.get("state") or {}
    began = (state.get("running") or state.get("terminated") or {}).get("startedAt")
    return ContainerRun(
        pod=metadata["name"],
        uid=metadata["uid"],
        restarts=int(status.get("restartCount") or 0),
        started=parse_time(began) if isinstance(began, str) else None,
    )
