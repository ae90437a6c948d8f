"""What keeps one finding from being written, in words for whoever can mend it: the answer, and what to do. Pure."""

from __future__ import annotations

from typing import Final

from auditwatch.cluster.errors import BadRequestError, ClusterError, ForbiddenError, InvalidError, NotFoundError

_NO_NAMESPACE: Final = "create namespace {0!r}, or correct spec.findings.namespace"
_TERMINATING: Final = "namespace {0!r} is being deleted: set spec.findings.namespace to one that stays"
_QUOTA: Final = "raise the quota on k10securityfindings in namespace {0!r}, or remove findings that are closed"
_FORBIDDEN: Final = (
    "let the operator's service account create and patch k10securityfindings in namespace {0!r}, past roles and "
    "admission policies"
)
_INVALID: Final = "apply the CRDs of this version, and let k10securityfindings past admission policies"
_DEFECT: Final = "please report it"
_OTHER: Final = "look at the answer of the API server; it is tried again by itself"


def refusal_text(error: Exception, *, namespace: str) -> str:
    """``error`` and its fix; ``namespace`` is where the finding was to go."""
    return f"{error if isinstance(error, ClusterError) else repr(error)}; {_fix(error).format(namespace)}"


def _fix(error: Exception) -> str:
    if not isinstance(error, ClusterError):
        return _DEFECT
    is_unserved = isinstance(error, NotFoundError) and "the requested resource" in error.message
    if isinstance(error, NotFoundError) and not is_unserved:
        return _NO_NAMESPACE
    if is_unserved or isinstance(error, BadRequestError | InvalidError):
        return _INVALID
    return _fix_of_forbidden(error) if isinstance(error, ForbiddenError) else _OTHER


def _fix_of_forbidden(error: ForbiddenError) -> str:
    if "being terminated" in error.message:
        return _TERMINATING
    return _QUOTA if "exceeded quota" in error.message else _FORBIDDEN
