"""One HTTPS connection from an agent to the operator: posts, asks, and says in what way it was answered.

In the agent's only thread, so blocking, on the standard library's client. Certificates and tokens are files that
others renew: they are looked at before each request, and a change opens a new connection.
"""

from __future__ import annotations

import http.client
import math
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

ANSWER_BYTES = 8 << 20
Kind = Literal["Taken", "Later", "Refused", "Unreachable"]
"""Later: 429 and 5xx. Refused: 3xx and 4xx, which do not go away by themselves."""


class CredentialsError(Exception):
    """A certificate or token cannot be used; the message names the file and the fix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where to post, and as whom."""

    url: str
    """``https://host[:port]``."""
    source: str
    instance: str
    server_authority: Path | None = None
    """PEM; ``None``: the system's."""
    client_certificate: Path | None = None
    client_key: Path | None = None
    token_file: Path | None = None
    timeout: float = 30.0

    @property
    def path(self) -> str:
        """Where events of this instance go."""
        return f"{urlsplit(self.url).path.rstrip('/')}/ingest/v1/{self.source}/{self.instance}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of a request."""

    kind: Kind
    message: str = ""
    body: bytes = b""
    retry_after: float | None = None
    """Seconds, where the server said."""


class Poster:
    """Not for use by several threads."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._connection: http.client.HTTPSConnection | None = None
        self._opened_with: tuple[object, ...] = ()

    def post(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send events."""
        return self._request("POST", self._endpoint.path, body, headers)

    def get_needles(self) -> Answer:
        """Ask what is of interest."""
        return self._request("GET", f"{self._endpoint.path}/needles", None, {})

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _request(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        try:
            response, data = self._exchange(method, path, body, headers)
        except CredentialsError as error:
            self.close()
            return Answer(kind="Refused", message=str(error))
        except (OSError, http.client.HTTPException) as error:
            self.close()
            return Answer(kind="Unreachable", message=f"{self._endpoint.url} cannot be reached: {_words(error)}")
        if response.will_close or not response.isclosed():
            self.close()
        return _answer(response, data, f"{method} {self._endpoint.url}{path}")

    def _exchange(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[http.client.HTTPResponse, bytes]:
        """A connection that was idle may have been closed by the other side: then once more, on a new one."""
        was_open = self._connection is not None
        try:
            return self._send(method, path, body, headers)
        except (http.client.HTTPException, OSError) as error:
            self.close()
            if not was_open or isinstance(error, TimeoutError):
                raise
            return self._send(method, path, body, headers)

    def _send(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[http.client.HTTPResponse, bytes]:
        connection = self._connected()
        connection.request(method, path, body, {**headers, **self._authorization()})
        response = connection.getresponse()
        return response, response.read(ANSWER_BYTES)

    def _connected(self) -> http.client.HTTPSConnection:
        files = self._files()
        if self._connection is None or files != self._opened_with:
            self.close()
            target = urlsplit(self._endpoint.url)
            self._connection = http.client.HTTPSConnection(
                target.hostname or "", target.port, timeout=self._endpoint.timeout, context=self._context()
            )
            self._opened_with = files
        return self._connection

    def _files(self) -> tuple[object, ...]:
        endpoint = self._endpoint
        paths = (endpoint.server_authority, endpoint.client_certificate, endpoint.client_key)
        return tuple(_state(path) for path in paths)

    def _context(self) -> ssl.SSLContext:
        endpoint = self._endpoint
        try:
            context = ssl.create_default_context(cafile=endpoint.server_authority)
            if endpoint.client_certificate:
                context.load_cert_chain(endpoint.client_certificate, endpoint.client_key)
        except (OSError, ssl.SSLError) as error:
            used = [endpoint.server_authority, endpoint.client_certificate, endpoint.client_key]
            files = ", ".join(str(path) for path in used if path)
            fix = "each must be PEM, readable, and the key must belong to the certificate"
            raise CredentialsError(f"{files}: {_words(error)}; {fix}") from error
        return context

    def _authorization(self) -> dict[str, str]:
        """A projected token is renewed in place: it is read each time."""
        path = self._endpoint.token_file
        if path is None:
            return {}
        try:
            return {"Authorization": f"Bearer {path.read_text(encoding='ascii').strip()}"}
        except (OSError, UnicodeDecodeError) as error:
            fix = "mount a projected serviceAccountToken there"
            raise CredentialsError(f"{path}: {_words(error)}; {fix}") from error


def _answer(response: http.client.HTTPResponse, body: bytes, request: str) -> Answer:
    status = response.status
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Answer(kind="Taken", body=body)
    said = " ".join(body[:500].decode(errors="replace").split())
    is_later = status in {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS} or status >= 500
    return Answer(
        kind="Later" if is_later else "Refused",
        message=f"{request} was answered {status} {response.reason}{f': {said}' if said else ''}",
        retry_after=_seconds(response.headers.get("Retry-After")),
    )


def _seconds(text: str | None) -> float | None:
    """Of Retry-After, at most a minute; a date there is taken for nothing said."""
    return min(float(text), 60.0) if text and text.isascii() and text.isdigit() else None


def _state(path: Path | None) -> object:
    if path is None:
        return None
    try:
        status = path.stat()
    except OSError:
        return math.nan  # unequal to itself: look again
    return status.st_mtime_ns, status.st_size, status.st_ino


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
