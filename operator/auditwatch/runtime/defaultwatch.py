"""The AuditWatch that comes with the installation: made at the start where there is none of its name.

Whoever installs the operator cannot make it in the same step: the definition of its kind comes with that step, and the
API server serves the kind some moments later. The operator can wait for that. One that somebody else made is left
alone. One that was made here is applied again when the installer has said something else since (Helm 3 takes over an
object as its own without changing it), but for fields in which a person said otherwise.

It is applied and not posted. Rights to post cannot be limited to a name, rights to apply can, so that no other
AuditWatch may be made. Its fields then belong to the manager that the installer names: Helm takes over as its own what
it would else find in another's hands.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

import msgspec
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
MARK: Final = "k10auditwatch.io/default-watch"
"""Annotation: the digest of the spec that was applied. Helm 4, which applies as the same manager, takes it away."""

log = structlog.get_logger()


async def provide(cluster: Cluster, wanted: DefaultWatchSection, *, namespace: str) -> str:
    """See that it is there; why it was refused for good, or nothing.

    Raises the errors of ``cluster/errors.py`` that may pass.
    """
    try:
        if is_due(await _found(cluster, wanted.name, namespace), wanted):
            await _apply(cluster, wanted, namespace)
    except ConflictError as error:  # somebody else made it in between, or edited it since
        log.warning("default AuditWatch left as somebody else wrote it", problem=str(error))
        return ""
    except ClusterError as error:
        if may_pass(error):
            raise
        return str(error)
    return ""


def may_pass(error: ClusterError) -> bool:
    """Whether trying again can help: what the server has judged and refused stays refused."""
    return not isinstance(error, ApiError) or isinstance(error, _MAY_PASS)


def is_due(found: dict[str, Any] | None, wanted: DefaultWatchSection) -> bool:
    """Whether to apply it: there is none, or it was made here of another spec."""
    if found is None:
        return True
    mark = (found["metadata"].get("annotations") or {}).get(MARK)
    return mark is not None and mark != digest(wanted)


def digest(wanted: DefaultWatchSection) -> str:
    """16 hex digits of the spec's sha256."""
    return hashlib.sha256(msgspec.json.encode(wanted.spec, order="deterministic")).hexdigest()[:16]


def manifest(wanted: DefaultWatchSection, *, namespace: str) -> dict[str, Any]:
    """The object to apply."""
    metadata: dict[str, Any] = {"name": wanted.name, "namespace": namespace}
    metadata |= {"labels": dict(wanted.labels)} if wanted.labels else {}
    metadata["annotations"] = {**wanted.annotations, MARK: digest(wanted)}
    return {
        "apiVersion": f"{AUDIT_WATCHES.group}/{AUDIT_WATCHES.version}",
        "kind": "AuditWatch",
        "metadata": metadata,
        "spec": dict(wanted.spec),
    }


async def _found(cluster: Cluster, name: str, namespace: str) -> dict[str, Any] | None:
    try:
        return await cluster.get(AUDIT_WATCHES, name, namespace=namespace)
    except NotFoundError:
        return None  # neither is the kind, perhaps: whoever makes the object is told


async def _apply(cluster: Cluster, wanted: DefaultWatchSection, namespace: str) -> None:
    body, manager = manifest(wanted, namespace=namespace), {"fieldManager": wanted.field_manager}
    await cluster.patch(AUDIT_WATCHES, wanted.name, body, namespace=namespace, content_type=APPLY_PATCH, query=manager)
    log.info("default AuditWatch applied", watch=f"{namespace}/{wanted.name}")
