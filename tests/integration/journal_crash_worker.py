"""The process that test_journal_crash.py kills: a real engine that tells which deliveries were acknowledged."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

from auditwatch.runtime.enginethread import EngineThread
from tests.unit.runtime.engine_parts import Bench, one

OFFERING_AT_ONCE = 8


def work(directory: Path, first: int, told: Connection) -> None:
    """Offer ``u<first>``, ``u<first + 1>`` … until killed, and send each uid to ``told`` once ``put`` has returned."""
    asyncio.run(_offer_all(directory, first, told))


async def _offer_all(directory: Path, first: int, told: Connection) -> None:
    engine = Bench(directory).start()
    engine.enable_matching().result()
    numbers = itertools.count(first)
    await asyncio.gather(*(_offer(engine, numbers, told) for _ in range(OFFERING_AT_ONCE)))


async def _offer(engine: EngineThread, numbers: Iterator[int], told: Connection) -> None:
    for number in numbers:
        uid = f"u{number}"
        await engine.put(one(uid))
        told.send_bytes(uid.encode())
        if number % 5 == 0:  # delivered a second time, as a source does that was not told in time
            await engine.put(one(uid))
