"""Which of the rights we need are missing: asked of the API server, in RBAC's own words, before they are missed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from http import HTTPStatus

from auditwatch.cluster.client import Cluster
from auditwatch.cluster.errors import ForbiddenError, RequestLine
from auditwatch.cluster.requests import Resource

REVIEWS = Resource("authorization.k8s.io", "v1", "selfsubjectaccessreviews")
REVIEWS_OF_OTHERS = Resource("authorization.k8s.io", "v1", "subjectaccessreviews")
CONCURRENCY = 8


Permission = RequestLine
"""One verb on one resource (``pods`` or ``pods/log``); ``namespace`` empty: everywhere; ``name`` empty: any."""


def review(permission: Permission, account: str = "") -> dict[str, object]:
    """The review that asks for one permission: ours, or that of a service account (``namespace/name``)."""
    resource, _, subresource = permission.resource.partition("/")
    attributes = {
        "verb": permission.verb,
        "group": permission.group,
        "resource": resource,
        "subresource": subresource,
        "namespace": permission.namespace,
        "name": permission.name,
    }
    return {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview" if account else "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {key: value for key, value in attributes.items() if value}, **_who(account)},
    }


def _who(account: str) -> dict[str, object]:
    if not account:
        return {}
    namespace, _, name = account.partition("/")
    groups = ["system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"]
    return {"user": f"system:serviceaccount:{namespace}:{name}", "groups": groups}


async def is_allowed(cluster: Cluster, permission: Permission, account: str = "") -> bool:
    """Whether we, or that service account, have a permission. Raises the errors of ``cluster/errors.py``.

    Asking about others needs ``create subjectaccessreviews``.
    """
    answer = await cluster.create(REVIEWS_OF_OTHERS if account else REVIEWS, review(permission, account))
    return (answer.get("status") or {}).get("allowed") is True


async def missing(cluster: Cluster, permissions: Iterable[Permission], account: str = "") -> list[Permission]:
    """Those we, or that service account, do not have, in the order asked. Raises like :func:`is_allowed`."""
    asked = list(permissions)
    turns = asyncio.Semaphore(CONCURRENCY)

    async def answer(permission: Permission) -> bool:
        async with turns:
            return await is_allowed(cluster, permission, account)

    # All of them: gather() that ends with the first error takes it even where the task is asked to end meanwhile.
    answers = await asyncio.gather(*map(answer, asked), return_exceptions=True)
    for found in answers:
        if isinstance(found, BaseException):
            raise found
    return [permission for permission, allowed in zip(asked, answers, strict=True) if not allowed]


async def require(cluster: Cluster, *permissions: Permission) -> None:
    """Raise :class:`ForbiddenError` for the first that we do not have, without a refusal in anybody's audit log.

    Where we may not ask either, nothing is raised: the request itself will tell. Raises the other errors of
    ``cluster/errors.py``.
    """
    try:
        lacking = await missing(cluster, permissions)
    except ForbiddenError:
        return
    if lacking:
        words = "no role gives this right"
        raise ForbiddenError(lacking[0], status=HTTPStatus.FORBIDDEN, reason="Forbidden", message=words)
