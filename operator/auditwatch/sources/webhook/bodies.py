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
STEP: Final = 64 * 1024
"""Of a packed body that are looked at in one go."""
MEMBERS: Final = 1024
"""In one body. Each costs work even where nothing is in it, so that their number must not be the sender's to choose."""
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
    while not unpacking.is_done:
        piece = await run(unpacking.more)
        flight.grow(len(piece))
        body.write(piece)
    return body.getvalue()


class Unpacking:
    """Unpacks gzip members one after another, a little at a time: the thread that does it serves every sender."""

    def __init__(self, packed: bytes) -> None:
        self._packed = memoryview(packed)
        self._at = 0
        self._member = zlib.decompressobj(wbits=31)
        self._members = 1

    @property
    def is_done(self) -> bool:
        """Whether the last member has come to its end."""
        return self._member.eof and self._at == len(self._packed)

    def more(self) -> bytes:
        """One step: at most :data:`STEP` bytes of one member become at most :data:`PIECE`, which may be none.

        Raises :class:`EncodingError`, also where the body is cut off.
        """
        if self._member.eof:
            self._next_member()
        offered = self._packed[self._at : self._at + STEP]
        try:
            piece = self._member.decompress(offered, PIECE)
        except zlib.error as error:
            raise EncodingError(f"the body is not gzip: {error}") from error
        left = len(self._member.unused_data if self._member.eof else self._member.unconsumed_tail)
        self._at += len(offered) - left
        if not piece and left == len(offered) and not self._member.eof:
            raise EncodingError("the gzip body is cut off")
        return piece

    def _next_member(self) -> None:
        self._members += 1
        if self._members > MEMBERS:
            raise EncodingError(f"the body has more than {MEMBERS} gzip members: send one")
        self._member = zlib.decompressobj(wbits=31)
