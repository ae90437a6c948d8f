"""Requests and refusals as data: paths, queries, and the error a response stands for. Nothing here awaits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

import msgspec

from auditwatch.cluster.errors import (
    ApiError,
    BadRequestError,
    ConflictError,
    ForbiddenError,
    GoneError,
    InvalidError,
    MethodNotAllowedError,
    NotFoundError,
    RequestLine,
    TooManyRequestsError,
    UnauthorizedError,
    UnavailableError,
)

Query = Mapping[str, str | int | bool | None]

_ERRORS: Mapping[int, type[ApiError]] = {
    400: BadRequestError,
    401: UnauthorizedError,
    403: ForbiddenError,
    404: NotFoundError,
    405: MethodNotAllowedError,
    409: ConflictError,
    410: GoneError,
    422: InvalidError,
    429: TooManyRequestsError,
    500: UnavailableError,
    502: UnavailableError,
    503: UnavailableError,
    504: UnavailableError,
}
_RAW_MESSAGE_CHARACTERS = 300
_BREAKS_THE_SCHEMA = "failed to create typed patch object"
"""What an API server says, with 500, of an object to apply that has fields or types its schema does not know."""


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind as the API path names it: ``group`` is empty for the core group, ``name`` is the plural."""

    group: str
    version: str
    name: str

    def __str__(self) -> str:
        return f"{self.name}.{self.group}" if self.group else self.name

    def path(self, *, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """The URL path; names need not be DNS-1123 (K10's passkeys are not), so each part is quoted."""
        parts = ["apis", self.group, self.version] if self.group else ["api", self.version]
        if namespace:
            parts += ["namespaces", namespace]
        parts.append(self.name)
        parts += [part for part in (name, *subresource.split("/")) if part]
        return "/" + "/".join(quote(part, safe=":") for part in parts)

    def line(self, verb: str, *, namespace: str = "", name: str = "", subresource: str = "") -> RequestLine:
        """The request in RBAC's words, for errors."""
        resource = f"{self.name}/{subresource}" if subresource else self.name
        return RequestLine(verb, self.group, resource, namespace, name)


class StatusObject(msgspec.Struct):
    """The ``Status`` an API server answers with where it refuses, as far as we read it."""

    message: str = ""
    reason: str = ""
    code: int = 0


class _ErrorEvent(msgspec.Struct):
    object: StatusObject


def query_string(query: Query) -> str:
    """``?a=b&c=true`` with absent (``None``) and empty values left out; empty where nothing is left."""
    values = {key: _text(value) for key, value in query.items() if value is not None and value != ""}
    return f"?{urlencode(values)}" if values else ""


def _text(value: str | float | None) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def error_of(request: RequestLine, *, status: int, body: bytes, retry_after: str | None = None) -> ApiError:
    """The typed error of a response that is not success, whoever sent it (proxies send no Status object)."""
    try:
        said = msgspec.json.decode(body, type=StatusObject)
    except (msgspec.DecodeError, ValueError, RecursionError):
        text = body[:_RAW_MESSAGE_CHARACTERS].decode(errors="replace").strip()
        said = StatusObject(message=text)
    return _error(request, status=status, said=said, retry_after=_seconds(retry_after))


def error_of_event(request: RequestLine, line: bytes) -> ApiError:
    """The typed error of an ``ERROR`` line inside a watch (its HTTP status was 200 long ago)."""
    try:
        said = msgspec.json.decode(line, type=_ErrorEvent).object
    except (msgspec.DecodeError, ValueError, RecursionError):
        said = StatusObject(message="an error event that cannot be read")
    return _error(request, status=said.code or 500, said=said, retry_after=None)


def _error(request: RequestLine, *, status: int, said: StatusObject, retry_after: float | None) -> ApiError:
    # An expired list page or watch is 410 whatever the code beside it says, and what breaks the schema is invalid.
    kind = GoneError if said.reason in {"Expired", "Gone"} else _ERRORS.get(status, ApiError)
    if kind is UnavailableError and said.message.startswith(_BREAKS_THE_SCHEMA):
        kind = InvalidError
    return kind(request, status=status, reason=said.reason, message=said.message, retry_after=retry_after)


def _seconds(retry_after: str | None) -> float | None:
    """``Retry-After`` in seconds; its date form is not used by API servers and counts as absent."""
    return float(retry_after) if retry_after is not None and retry_after.strip().isdecimal() else None
