"""The program that test_journal_crash.py kills: a real engine that takes deliveries and prints what was acknowledged.

Usage: ``python -m tests.integration.journal_crash_worker DIRECTORY FIRST``: offers uids ``u<FIRST>``, ``u<FIRST+1>`` …
to the engine, some of them twice, and writes each to standard output once ``put`` has returned.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

from auditwatch.runtime.enginethread import EngineThread
from tests.unit.runtime.engine_parts import Bench, one

OFFERING_AT_ONCE = 8


async def offer(engine: EngineThread, numbers: Iterator[int]) -> None:
    """Offer one after the other, for ever; every fifth is delivered a second time, as a source does after a restart."""
    for number in numbers:
        uid = f"u{number}"
        await engine.put(one(uid))
        sys.stdout.write(uid + "\n")
        sys.stdout.flush()
        if number % 5 == 0:
            await engine.put(one(uid))


async def main(directory: str, first: str) -> None:
    """Run until killed."""
    engine = Bench(Path(directory)).start()
    engine.enable_matching().result()
    numbers = itertools.count(int(first))
    await asyncio.gather(*(offer(engine, numbers) for _ in range(OFFERING_AT_ONCE)))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
