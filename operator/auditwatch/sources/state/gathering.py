"""Groups what arrives close together, so that a burst costs few commits and a lone event waits next to nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import TypeVar

WINDOW_SECONDS = 0.05
MOST = 200

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class _End:
    error: Exception | None


async def gathered(
    groups: AsyncIterator[list[Item]], *, window: float = WINDOW_SECONDS, most: int = MOST
) -> AsyncGenerator[list[Item], None]:
    """Groups joined until ``window`` seconds have passed since the first of them, or ``most`` items are there.

    An empty group passes through at once when nothing is held. What ends or breaks ``groups`` is passed on after
    what was held.
    """
    now = asyncio.get_running_loop().time
    upcoming: asyncio.Task[list[Item] | _End] | None = None
    held: list[Item] = []
    until = 0.0
    try:
        while True:
            upcoming = upcoming or asyncio.create_task(_next(groups))
            await asyncio.wait({upcoming}, timeout=max(until - now(), 0) if held else None)
            if upcoming.done():
                outcome, upcoming = upcoming.result(), None
                if isinstance(outcome, _End):
                    break
                until = until if held else now() + window
                held += outcome
                if held and len(held) < most and now() < until:
                    continue
            yield held
            held = []
        if held:
            yield held
        if outcome.error:
            raise outcome.error
    finally:
        if upcoming:
            upcoming.cancel()
            await asyncio.gather(upcoming, return_exceptions=True)  # not itself: our own end is not its end


async def _next(groups: AsyncIterator[list[Item]]) -> list[Item] | _End:
    try:
        return await anext(groups)
    except StopAsyncIteration:
        return _End(None)
    except Exception as error:  # noqa: BLE001 - raised again once what was held is passed on
        return _End(error)
