"""What can go wrong between us and an API server, as types a caller can tell apart.

::

    ClusterError
    ├── ConfigurationError      no usable kubeconfig or service account
    ├── UnreachableError        no answer: refused, reset, timed out, TLS
    └── ApiError                an answer that is not success
        ├── BadRequestError       400      ├── GoneError             410
        ├── UnauthorizedError     401      ├── InvalidError          422
        ├── ForbiddenError        403      ├── TooManyRequestsError  429
        ├── NotFoundError         404      └── UnavailableError      500, 502, 503, 504
        ├── MethodNotAllowedError 405
        └── ConflictError         409

Every message names the request, so that it can be shown to a user as it stands.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class RequestLine:
    """What was asked, in the words RBAC uses. ``namespace`` is empty for all namespaces and cluster-scoped kinds."""

    verb: str
    group: str
    resource: str
    namespace: str = ""
    name: str = ""

    def __str__(self) -> str:
        kind = f"{self.resource}.{self.group}" if self.group else self.resource
        name = f" {self.name}" if self.name else ""
        where = f" in namespace {self.namespace}" if self.namespace else ""
        return f"{self.verb} {kind}{name}{where}"


class ClusterError(Exception):
    """Anything that keeps us from an answer of the API server."""


class ConfigurationError(ClusterError):
    """There is no usable way to reach a cluster; the message says what to set."""


class UnreachableError(ClusterError):
    """Nobody answered, or the connection broke before the answer was complete."""

    def __init__(self, request: RequestLine, cause: str) -> None:
        super().__init__(f"{request}: no answer from the API server: {cause}")
        self.request = request


class ApiError(ClusterError):
    """The API server answered with something other than success.

    ``status`` is the HTTP code, ``reason`` the ``reason`` of its Status object (``""`` where it sent none),
    ``retry_after`` the seconds it asked us to wait.
    """

    def __init__(
        self,
        request: RequestLine,
        *,
        status: int,
        reason: str = "",
        message: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"{request}: {status} {reason or 'without a reason'}: {message or 'no message'}")
        self.request = request
        self.status = status
        self.reason = reason
        self.message = message
        self.retry_after = retry_after


class BadRequestError(ApiError):
    """400: the request makes no sense to the server."""


class UnauthorizedError(ApiError):
    """401: the server does not know us; our token or certificate is wrong or too old."""


class ForbiddenError(ApiError):
    """403: the server knows us and says no. ``request`` is exactly what RBAC has to grant."""


class NotFoundError(ApiError):
    """404: no such object, or no such kind."""


class MethodNotAllowedError(ApiError):
    """405: the kind is served without this verb (typically: watch)."""


class ConflictError(ApiError):
    """409: somebody wrote in between, or the name is taken."""


class GoneError(ApiError):
    """410: the server has forgotten the history we asked for; only a new list helps."""


class InvalidError(ApiError):
    """422: the object breaks the schema or a validation (500 where it was to be applied and breaks the schema)."""


class TooManyRequestsError(ApiError):
    """429: asked to wait ``retry_after`` seconds (a CRD that is new answers this to its first lists)."""


class UnavailableError(ApiError):
    """500, 502, 503, 504: the server, or the half of it that is aggregated, does not work right now."""
