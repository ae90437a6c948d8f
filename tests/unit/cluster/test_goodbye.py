"""What a request leaves behind that ended before its answer did: nothing, once the client is closed."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import os
import socket
import ssl
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from auditwatch.cluster.client import Cluster
from auditwatch.cluster.requests import Resource
from tests.cluster.certificates import Authority

PODS = Resource("", "v1", "pods")
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
PATIENCE_SECONDS = 10.0
"""Less than the 30 s after which asyncio by itself gives up to wait for a goodbye."""
Asking = Callable[[Cluster], Coroutine[Any, Any, None]]


class Mute:
    """An API server that takes every request, says what it is told to, and then nothing: no goodbye of TLS either."""

    def __init__(self, directory: Path) -> None:
        authority = Authority.create("CA", now=dt.datetime.now(dt.UTC))
        authority.issue("server", hosts=["127.0.0.1"]).write(directory, "server")
        (directory / "ca.crt").write_bytes(authority.pair.certificate_pem)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(str(directory / "server.crt"), str(directory / "server.key"))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._taken: list[ssl.SSLSocket] = []
        self.port: int = self._listener.getsockname()[1]
        self.answer = b""
        self.was_asked = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        self.kubeconfig = self._written(directory)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        for each in (*self._taken, self._listener):
            each.close()

    def was_left(self) -> bool:
        """Whether the client has closed its connection, below whatever it said in TLS."""
        (taken,) = self._taken
        with socket.socket(fileno=os.dup(taken.fileno())) as raw:
            raw.settimeout(PATIENCE_SECONDS)
            try:
                while raw.recv(65_536):
                    pass
            except TimeoutError:
                return False
            except ConnectionError:
                pass
        return True

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                taken = self._context.wrap_socket(self._listener.accept()[0], server_side=True)
                self._taken.append(taken)
                taken.recv(65_536)
                taken.sendall(self.answer)
                self.was_asked.set()

    def _written(self, directory: Path) -> Path:
        cluster = {"server": f"https://127.0.0.1:{self.port}", "certificate-authority": str(directory / "ca.crt")}
        document = {
            "clusters": [{"name": "c", "cluster": cluster}],
            "users": [{"name": "u", "user": {"token": "t"}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }
        path = directory / "kubeconfig"
        path.write_text(json.dumps(document), encoding="utf-8")
        return path


@pytest.fixture
def mute(tmp_path: Path) -> Iterator[Mute]:
    server = Mute(tmp_path)
    yield server
    server.close()


async def watching(cluster: Cluster) -> None:
    async for _ in cluster.watch(PODS, resource_version="1"):
        pass


async def getting(cluster: Cluster) -> None:
    await cluster.get(PODS, "nobody", namespace="default")


@pytest.mark.parametrize("answer", [b"", STREAM], ids=["before the answer", "in the answer"])
@pytest.mark.parametrize("ask", [watching, getting])
async def test_a_request_that_was_given_up_holds_no_connection_once_the_client_is_closed(
    mute: Mute, ask: Asking, answer: bytes
) -> None:
    mute.answer = answer
    async with await Cluster.connect(kubeconfig=mute.kubeconfig) as cluster:
        task = asyncio.create_task(ask(cluster))
        assert await asyncio.to_thread(mute.was_asked.wait, 60)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    assert await asyncio.to_thread(mute.was_left)
