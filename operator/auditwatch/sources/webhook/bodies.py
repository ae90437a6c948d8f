"""Reads a request's body: whatever its headers promise, it takes bounded time and bounded memory."""

from __future__ import annotations

import asyncio
import io
import zlib
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from auditwatch.sources.webhook.budget import Flight
from auditwatch.sources.webhook.plan import MIB, Limits

PIECE: Final = 4 * MIB
RunElsewhere = Callable[[Callable[[], bytes]], Awaitable[bytes]]
"""Runs a function that takes its time in another thread."""


class Content(Protocol):
    """The part of aiohttp's StreamReader that is read from."""

    async def readany(self) -> bytes:
        """Whatever has arrived; empty at the end."""
        ...


class TooSlowError(Exception):
    """The body did not come in time."""


class EncodingError(Exception):
    """The body is not what its Content-Encoding says."""


async def read_body(content: Content, flight: Flight, limits: Limits, *, promised: int | None) -> bytes:
    """The body as it was sent; ``promised``: what Content-Length says.

    Raises :class:`TooSlowError`, :class:`NoRoomError`, and what the connection raises where it breaks.
    """
    flight.expect(promised or 0)
    loop = asyncio.get_running_loop()
    end, body = loop.time() + limits.body_seconds, io.BytesIO()
    try:
        async with asyncio.timeout(limits.stall_seconds) as patience:
            while piece := await content.readany():
                flight.grow(len(piece))
                body.write(piece)
                patience.reschedule(min(loop.time() + limits.stall_seconds, end))
    except TimeoutError as error:
        raise TooSlowError(f"the body did not come within {limits.body_seconds:g} s, or stalled") from error
    return body.getvalue()


async def unpack(packed: bytes, flight: Flight, run: RunElsewhere) -> bytes:
    """A gzip body unpacked, no further than there is room. Raises :class:`NoRoomError`, :class:`EncodingError`."""
    unpacking, body = Unpacking(packed), io.BytesIO()
    while piece := await run(unpacking.more):
        flight.grow(len(piece))
        body.write(piece)
    return body.getvalue()


class Unpacking:
    """Unpacks gzip members one after another, a piece at a time."""

    def __init__(self, packed: bytes) -> None:
        self._rest = packed
        self._member = zlib.decompressobj(wbits=31)

    def more(self) -> bytes:
        """At most :data:`PIECE` bytes; empty at the end. Raises :class:`EncodingError`, also where it is cut off."""
        while self._rest or not self._member.eof:
            if self._member.eof:
                self._member = zlib.decompressobj(wbits=31)
            piece = self._step()
            if piece:
                return piece
        return b""

    def _step(self) -> bytes:
        try:
            piece = self._member.decompress(self._rest, PIECE)
        except zlib.error as error:
            raise EncodingError(f"the body is not gzip: {error}") from error
        self._rest = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
        if not piece and not self._member.eof:
            raise EncodingError("the gzip body is cut off")
        return piece
