"""What is read back from the cluster: findings, and the status of the AuditWatch."""

from __future__ import annotations

from typing import Any

from tests.cluster.controlplane import ControlPlane
from tests.demo.verdict import Finding
from tests.live.installation import API_VERSION, NAMESPACE, OK


def findings(cluster: ControlPlane) -> list[Finding]:
    """Every K10SecurityFinding; none while the server cannot tell."""
    answer = cluster.request("GET", f"/apis/{API_VERSION}/k10securityfindings")
    return list(answer.json()["items"]) if answer.status == OK else []


def watch_status(cluster: ControlPlane) -> dict[str, Any]:
    """The status of the AuditWatch; empty while there is none."""
    answer = cluster.request("GET", f"/apis/{API_VERSION}/namespaces/{NAMESPACE}/auditwatches/k10")
    return dict(answer.json().get("status", {})) if answer.status == OK else {}


def is_ready(cluster: ControlPlane) -> bool:
    """Whether the AuditWatch is in force."""
    conditions = watch_status(cluster).get("conditions", [])
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def is_live(cluster: ControlPlane) -> bool:
    """Whether every source is proven alive."""
    return {source["state"] for source in watch_status(cluster).get("sources", [])} == {"Live"}
