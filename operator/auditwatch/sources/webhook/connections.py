"""Open connections: how many there may be, and which go first.

A connection has to prove itself soon: until a request on it was authenticated it may be closed to make room, oldest
first. So strangers who hold connections open cannot keep an API server out.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

from auditwatch.sources.webhook.authentication import certificate_name


@dataclass(slots=True, eq=False)
class Connection:
    """One connection after its handshake."""

    transport: asyncio.Transport
    opened: float
    context: ssl.SSLContext | None
    """The certificates it was made under."""
    name: str
    """Common name of the verified client certificate; empty without one."""
    expires: float
    """When that certificate expires, seconds since the epoch."""
    is_proven: bool = False


class Connections:
    """Every open connection, by its protocol. ``monotonic``: seconds."""

    def __init__(self, *, most: int, patience: float, monotonic: Callable[[], float]) -> None:
        self._most = most
        self._patience = patience
        self._monotonic = monotonic
        self._open: dict[Hashable, Connection] = {}

    def __len__(self) -> int:
        return len(self._open)

    def of(self, protocol: Hashable, transport: asyncio.Transport) -> Connection:
        """The connection of a protocol, known from now on."""
        found = self._open.get(protocol)
        if found is None:
            found = self._open[protocol] = _described(transport, self._monotonic())
        return found

    def make_room(self) -> bool:
        """Whether one more may come; the oldest unproven one is closed where there are too many."""
        self.sweep()
        if len(self._open) < self._most:
            return True
        for protocol, connection in self._open.items():
            if not connection.is_proven:
                connection.transport.abort()
                del self._open[protocol]
                return True
        return False

    def sweep(self) -> None:
        """Forget what is closed, and close what has had its time to prove itself."""
        overdue = self._monotonic() - self._patience
        for protocol, connection in list(self._open.items()):
            if not connection.is_proven and connection.opened < overdue:
                connection.transport.abort()
            if connection.transport.is_closing():
                del self._open[protocol]


def _described(transport: asyncio.Transport, now: float) -> Connection:
    tls: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
    certificate: dict[str, Any] | None = transport.get_extra_info("peercert")
    return Connection(
        transport=transport,
        opened=now,
        context=tls.context if tls else None,
        name=certificate_name(certificate),
        expires=ssl.cert_time_to_seconds(certificate["notAfter"]) if certificate else 0.0,
    )
