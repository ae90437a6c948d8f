"""One HTTP request to an API server, without a client library in between.

Tests need exact requests (a stale watch, a forged body) and the control plane itself
must ask `/readyz` before any client would connect.
"""

import http.client
import json
import ssl
from dataclasses import dataclass
from typing import Any

REQUEST_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Answer:
    """The status and body of one response."""

    status: int
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def request(
    *,
    port: int,
    tls: ssl.SSLContext | None,
    method: str,
    path: str,
    body: object = None,
    headers: dict[str, str] | None = None,
    seconds: float = REQUEST_SECONDS,
) -> Answer:
    """Send one request to a server on loopback, bytes as they are; raises OSError when nobody answers."""
    connection = (
        http.client.HTTPSConnection("127.0.0.1", port, context=tls, timeout=seconds)
        if tls
        else http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
    )
    content = body if body is None or isinstance(body, bytes) else json.dumps(body)
    try:
        connection.request(method, path, body=content, headers={"Content-Type": "application/json", **(headers or {})})
        response = connection.getresponse()
        return Answer(status=response.status, body=response.read())
    finally:
        connection.close()
