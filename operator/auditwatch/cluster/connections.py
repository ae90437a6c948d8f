"""The connections of one client, of which none outlives it.

aiohttp says goodbye to the server on the connection of a request that was given up, and forgets it: TLS then waits for
the server's goodbye (asyncio: 30 s), past the end of the client and of its event loop. Who is closed waits for nobody.
"""

from __future__ import annotations

import asyncio
import weakref
from typing import Any

import aiohttp

_TURNS_TO_CLOSE = 2
"""Of the event loop, until a socket is closed whose connection was aborted."""


class Connections(aiohttp.TCPConnector):
    """For one event loop. Taken from :class:`aiohttp.TCPConnector`: everything but its end."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._open: weakref.WeakSet[asyncio.Transport] = weakref.WeakSet()

    async def connect(self, *request: Any, **limits: Any) -> aiohttp.connector.Connection:
        """A connection for a request, from the pool or new; remembered until it is closed."""
        connection = await super().connect(*request, **limits)
        if connection.transport is not None:
            self._open.add(connection.transport)
        return connection

    async def end(self) -> None:
        """Close all, those too whose request was given up before."""
        await self.close()
        for transport in list(self._open):
            transport.abort()
        for _ in range(_TURNS_TO_CLOSE):
            await asyncio.sleep(0)
