"""An HTTPS server whose answers a test writes down beforehand, and which remembers what it was asked."""

from __future__ import annotations

import datetime as dt
import ssl
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from auditwatch.sources.file.posting import Endpoint
from tests.cluster.certificates import Authority


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    client: str
    """Common name of the client's certificate."""
    port: int
    """Of the client: tells connections apart."""


@dataclass(frozen=True)
class Says:
    """One answer."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    closes: bool = False
    """Closes the connection after it without having said so."""


class Operator(ThreadingHTTPServer):
    """Answers posts with ``answers`` in turn, then with 200; asked for needles with ``needles``, or 404 without."""

    daemon_threads = True

    def __init__(self, directory: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.directory = directory
        self.answers: deque[Says] = deque()
        self.needles = b""
        self.asked: list[Asked] = []
        self.authority = Authority.create("test CA", now=dt.datetime.now(dt.UTC))
        (directory / "ca.crt").write_bytes(self.authority.pair.certificate_pem)
        self.authority.issue("operator", hosts=["127.0.0.1"]).write(directory, "server")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(directory / "server.crt", directory / "server.key")
        context.load_verify_locations(directory / "ca.crt")
        context.verify_mode = ssl.CERT_OPTIONAL
        self.socket = context.wrap_socket(self.socket, server_side=True)

    @property
    def posts(self) -> list[Asked]:
        return [asked for asked in self.asked if asked.method == "POST"]

    @property
    def lines(self) -> list[bytes]:
        """Of all posts, in their order."""
        return [line for post in self.posts for line in post.body.splitlines()]

    def endpoint(self, **more: Path | float) -> Endpoint:
        return Endpoint(
            url=f"https://127.0.0.1:{self.server_port}",
            source="audit-log",
            instance="node-1",
            server_authority=self.directory / "ca.crt",
            **more,  # type: ignore[arg-type]  # a test's few fields
        )

    def client_files(self, name: str) -> dict[str, Path | float]:
        """A certificate of that name, always in the same two files."""
        self.authority.issue(name).write(self.directory, "client")
        return {
            "client_certificate": self.directory / "client.crt",
            "client_key": self.directory / "client.key",
        }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Operator

    def do_GET(self) -> None:
        self._note(b"")
        self._say(Says(body=self.server.needles) if self.server.needles else Says(404))

    def do_POST(self) -> None:
        self._note(self.rfile.read(int(self.headers["Content-Length"])))
        self._say(self.server.answers.popleft() if self.server.answers else Says())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name for it
        """Nothing."""

    def _note(self, body: bytes) -> None:
        assert isinstance(self.connection, ssl.SSLSocket)
        certificate: dict[str, Any] = self.connection.getpeercert() or {}
        names = [value for part in certificate.get("subject", ()) for key, value in part if key == "commonName"]
        client = names[0] if names else ""
        headers = dict(self.headers.items())
        self.server.asked.append(Asked(self.command, self.path, headers, body, client, self.client_address[1]))

    def _say(self, says: Says) -> None:
        self.send_response(says.status)
        for name, value in says.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(says.body)))
        self.end_headers()
        self.wfile.write(says.body)
        if says.closes:
            self.close_connection = True


@contextmanager
def operating(directory: Path) -> Iterator[Operator]:
    """A running one."""
    operator = Operator(directory)
    thread = threading.Thread(target=operator.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield operator
    finally:
        operator.shutdown()
        thread.join()
        operator.server_close()
