"""Whose token this is, in the words of the API server that made it (TokenReview, ``authentication.k8s.io/v1``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from auditwatch.cluster.client import Cluster
from auditwatch.cluster.requests import Resource

REVIEWS = Resource("authentication.k8s.io", "v1", "tokenreviews")
NODE_NAME = "authentication.kubernetes.io/node-name"
"""Key of a user's extra fields: the node of the pod a token is bound to (Kubernetes ≥ 1.30)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewedToken:
    """The owner of a valid token. ``node``: of the pod it is bound to, empty where it is bound to none."""

    username: str
    node: str = ""


class _User(msgspec.Struct, frozen=True):
    username: str = ""
    extra: dict[str, list[str]] = {}


class _Status(msgspec.Struct, frozen=True):
    authenticated: bool = False
    audiences: list[str] = []
    user: _User = _User()


class _Review(msgspec.Struct, frozen=True):
    status: _Status = _Status()


def question(token: str, *, audience: str) -> dict[str, object]:
    """The TokenReview that asks about one token."""
    return {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenReview",
        "spec": {"token": token, "audiences": [audience]},
    }


def answer(review: Mapping[str, Any], *, audience: str) -> ReviewedToken | None:
    """What a TokenReview says; ``None`` where the token is not valid for the audience.

    A server that knows no audiences answers without them: its word is not about ours, so it does not count.
    """
    try:
        status = msgspec.convert(review, type=_Review).status
    except msgspec.ValidationError:
        return None
    if not status.authenticated or audience not in status.audiences:
        return None
    nodes = status.user.extra.get(NODE_NAME, [])
    return ReviewedToken(username=status.user.username, node=nodes[0] if len(nodes) == 1 else "")


class ClusterTokenReviewer:
    """Asks one API server; needs ``create tokenreviews.authentication.k8s.io``."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def review(self, token: str, *, audience: str) -> ReviewedToken | None:
        """Whose token it is; ``None`` where it is not valid for the audience. Raises like :class:`Cluster`."""
        said = await self._cluster.create(REVIEWS, question(token, audience=audience))
        return answer(said, audience=audience)
