"""Who we are to the API server: the username it writes into its audit log for our requests."""

from __future__ import annotations

from typing import Final

from auditwatch.cluster.client import Cluster
from auditwatch.cluster.requests import Resource

REVIEWS: Final = Resource("authentication.k8s.io", "v1", "selfsubjectreviews")
"""Every authenticated user may create one (ClusterRole ``system:basic-user``)."""


async def username(cluster: Cluster) -> str:
    """Our username. Raises the errors of ``cluster/errors.py``."""
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    answer = await cluster.create(REVIEWS, review)
    user = (answer.get("status") or {}).get("userInfo") or {}
    return str(user.get("username") or "")
