"""Accepts connections itself instead of leaving it to a server: under the certificates of this moment, and no more
handshakes and connections than there is room for.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable

import structlog

from auditwatch.sources.webhook.connections import Connections
from auditwatch.sources.webhook.plan import Limits

BACKLOG = 256
PAUSE_SECONDS = 1.0
"""After the system refused a connection (too many open files)."""
SHUTDOWN_SECONDS = 5.0
log = structlog.get_logger()


class Listener:
    """``context`` is asked for each connection anew, so that new certificates need no restart."""

    def __init__(
        self,
        make_protocol: Callable[[], asyncio.Protocol],
        *,
        context: Callable[[], ssl.SSLContext],
        connections: Connections,
        limits: Limits,
    ) -> None:
        self._make_protocol = make_protocol
        self._context = context
        self._connections = connections
        self._limits = limits
        self._handshakes: dict[asyncio.Task[None], None] = {}  # in the order they began
        self._accepting: asyncio.Task[None] | None = None
        self._socket: socket.socket | None = None
        self.port = 0

    def start(self, address: str, port: int) -> None:
        """Listen. Raises ``OSError`` where the address is not ours or the port is taken."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._socket = socket.create_server((address, port), family=family, backlog=BACKLOG)
        self._socket.setblocking(False)
        self.port = int(self._socket.getsockname()[1])
        self._accepting = asyncio.create_task(self._accept(self._socket), name="webhook accepts")

    async def stop(self) -> None:
        """Close the port; connections that are open stay so."""
        tasks = [*self._handshakes, *([self._accepting] if self._accepting else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._socket is not None:
            self._socket.close()

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(listening)
            except OSError as error:
                log.warning("cannot accept connections for a moment", error=str(error))
                await asyncio.sleep(PAUSE_SECONDS)
            else:
                self._admit(connection)

    def _admit(self, connection: socket.socket) -> None:
        if not self._connections.make_room():
            connection.close()
            return
        if len(self._handshakes) >= self._limits.handshakes:
            next(iter(self._handshakes)).cancel()
        task = asyncio.create_task(self._shake_hands(connection), name="webhook handshake")
        self._handshakes[task] = None
        task.add_done_callback(lambda done: self._note_end(done, connection))

    def _note_end(self, task: asyncio.Task[None], connection: socket.socket) -> None:
        self._handshakes.pop(task, None)
        if task.cancelled():  # perhaps before it began, when nobody else would close it
            connection.close()

    async def _shake_hands(self, connection: socket.socket) -> None:
        # Strangers, scanners and clients without our CA end here; there is nobody to tell.
        with contextlib.suppress(OSError, TimeoutError, ssl.SSLError):
            transport, protocol = await asyncio.get_running_loop().connect_accepted_socket(
                self._make_protocol,
                connection,
                ssl=self._context(),
                ssl_handshake_timeout=self._limits.handshake_seconds,
                ssl_shutdown_timeout=SHUTDOWN_SECONDS,
            )
            self._connections.of(protocol, transport)
