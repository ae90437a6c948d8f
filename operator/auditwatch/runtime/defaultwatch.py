"""The AuditWatch that comes with the installation: made at the start where there is none of its name.

Whoever installs the operator cannot make it in the same step: the definition of its kind comes with that step, and the
API server serves the kind some moments later. The operator can wait for that. One that is there is left alone.

It is applied and not posted. Rights to post cannot be limited to a name, rights to apply can, so that no other
AuditWatch may be made. Its fields then belong to the manager that the installer names: Helm takes over as its own what
it would else find in another's hands.
"""

from __future__ import annotations

from typing import Any, Final

import structlog

from auditwatch.cluster.client import APPLY_PATCH, Cluster
from auditwatch.cluster.errors import (
    ApiError,
    ClusterError,
    ConflictError,
    NotFoundError,
    TooManyRequestsError,
    UnauthorizedError,
    UnavailableError,
)
from auditwatch.runtime.settings import DefaultWatchSection
from auditwatch.runtime.statuswriter import AUDIT_WATCHES

_MAY_PASS: Final = (NotFoundError, TooManyRequestsError, UnauthorizedError, UnavailableError)
"""Answers of a server that does not serve the kind yet, is busy, or does not work right now."""

log = structlog.get_logger()


async def provide(cluster: Cluster, wanted: DefaultWatchSection, *, namespace: str) -> str:
    """See that it is there; why it was refused for good, or nothing.

    Raises the errors of ``cluster/errors.py`` that may pass.
    """
    try:
        if not await _is_there(cluster, wanted.name, namespace):
            await _make(cluster, wanted, namespace)
    except ConflictError:
        return ""  # somebody else made it in between
    except ClusterError as error:
        if may_pass(error):
            raise
        return str(error)
    return ""


def may_pass(error: ClusterError) -> bool:
    """Whether trying again can help: what the server has judged and refused stays refused."""
    return not isinstance(error, ApiError) or isinstance(error, _MAY_PASS)


def manifest(wanted: DefaultWatchSection, *, namespace: str) -> dict[str, Any]:
    """The object to apply."""
    metadata: dict[str, Any] = {"name": wanted.name, "namespace": namespace}
    metadata |= {key: dict(value) for key in ("labels", "annotations") if (value := getattr(wanted, key))}
    return {
        "apiVersion": f"{AUDIT_WATCHES.group}/{AUDIT_WATCHES.version}",
        "kind": "AuditWatch",
        "metadata": metadata,
        "spec": dict(wanted.spec),
    }


async def _is_there(cluster: Cluster, name: str, namespace: str) -> bool:
    try:
        await cluster.get(AUDIT_WATCHES, name, namespace=namespace)
    except NotFoundError:
        return False  # neither is the kind, perhaps: whoever makes the object is told
    return True


async def _make(cluster: Cluster, wanted: DefaultWatchSection, namespace: str) -> None:
    body, manager = manifest(wanted, namespace=namespace), {"fieldManager": wanted.field_manager}
    await cluster.patch(AUDIT_WATCHES, wanted.name, body, namespace=namespace, content_type=APPLY_PATCH, query=manager)
    log.info("default AuditWatch made", watch=f"{namespace}/{wanted.name}")
