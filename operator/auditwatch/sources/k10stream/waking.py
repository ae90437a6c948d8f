"""Waiting that may be cut short: by whoever has news, and by whoever ends the one that waits."""

from __future__ import annotations

import asyncio
from contextlib import suppress


async def rest(seconds: float, *, news: asyncio.Event) -> None:
    """Wait for news, at most so long, and forget them.

    Not by ``asyncio.wait_for``: before Python 3.12 it loses a cancellation that comes in the same moment as the news.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await news.wait()
    news.clear()
