"""Deliveries: acknowledged after the commit, many to a commit, and each one's failure its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from auditwatch.journal.errors import JournalFullError, TransactionLostError
from auditwatch.runtime.committing import commit
from auditwatch.runtime.engine import Engine
from auditwatch.runtime.intake import Pending
from tests.unit.runtime.engine_parts import Bench, Changes, Losing, Raising, a_turn, one


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    bench.start()
    yield bench
    bench.engine.stop()


async def test_a_delivery_is_on_disk_when_put_returns(bench: Bench) -> None:
    await bench.engine.put(one("a"))
    bench.engine.stop(drain=False)

    journal = bench.open()
    assert journal.unsettled_count() + journal.last_sequence() == 1
    journal.close()


async def test_while_the_disk_hangs_what_is_given_up_is_not_kept(bench: Bench) -> None:
    hangs, began = threading.Event(), threading.Event()

    def hang(_engine: Engine) -> None:
        began.set()
        hangs.wait(60)

    bench.engine.call(hang)
    await asyncio.to_thread(began.wait, 60)
    given_up = [asyncio.create_task(bench.engine.put(one(f"u{number}", size=1 << 19))) for number in range(20)]
    kept = asyncio.create_task(bench.engine.put(one("kept")))
    await asyncio.sleep(0)
    before = bench.engine.figures()

    for each in given_up:
        each.cancel()
    await asyncio.gather(*given_up, return_exceptions=True)
    after = bench.engine.figures()

    assert (before.queue_deliveries, before.queue_waiting) == (2, 19)
    assert (after.queue_bytes, after.queue_deliveries, after.queue_waiting) == (100, 1, 0)
    hangs.set()
    await kept


async def test_many_deliveries_share_a_commit(bench: Bench) -> None:
    before = bench.engine.figures()
    await asyncio.gather(*(bench.engine.put(one(f"u{number}")) for number in range(500)))
    bench.engine.stop()

    after = bench.engine.figures()
    assert after.deliveries - before.deliveries == 500
    assert after.commits - before.commits < 50


async def test_the_same_delivery_twice_is_recorded_once(bench: Bench) -> None:
    await bench.engine.put(one("a"))
    await bench.engine.put(one("a"))
    bench.engine.stop()

    assert bench.engine.figures().last_sequence == 1


async def test_a_delivery_that_fails_fails_alone_and_leaves_nothing(bench: Bench) -> None:
    results = await asyncio.gather(
        bench.engine.put(one("before")),
        bench.engine.put(Raising(ValueError("poison"))),
        bench.engine.put(one("after")),
        return_exceptions=True,
    )

    assert [type(result) for result in results] == [type(None), ValueError, type(None)]
    assert bench.engine.call(lambda inside: inside.journal.mark("half written")).result() is None
    assert bench.engine.figures().is_healthy


async def test_a_poison_delivery_offered_for_ever_starves_nobody(bench: Bench) -> None:
    async def insist() -> None:
        while True:
            with pytest.raises(ValueError, match="poison"):
                await bench.engine.put(Raising(ValueError("poison")))

    insisting = asyncio.create_task(insist())
    for number in range(20):
        await bench.engine.put(one(f"u{number}"))
    insisting.cancel()
    bench.engine.stop()

    assert bench.engine.figures().last_sequence == 20


async def test_a_cancelled_put_does_not_disturb_the_others(bench: Bench) -> None:
    waiting = asyncio.create_task(bench.engine.put(one("cancelled")))
    await asyncio.sleep(0)
    waiting.cancel()
    await bench.engine.put(one("kept"))

    journal_rows = bench.engine.call(lambda inside: inside.journal.last_sequence() + inside.journal.unsettled_count())
    assert journal_rows.result() in {1, 2}
    assert bench.engine.figures().is_healthy


def test_deliveries_come_from_any_loop_in_any_thread(bench: Bench) -> None:
    asyncio.run(bench.engine.put(one("first loop")))
    asyncio.run(bench.engine.put(one("second loop")))
    bench.engine.stop()

    assert bench.engine.figures().last_sequence == 2


def test_a_delivery_that_costs_the_transaction_takes_no_other_with_it(tmp_path: Path) -> None:
    journal = Bench(tmp_path).open()
    batch = [Pending(delivery, 1) for delivery in (one("a"), Losing(), one("b"))]

    assert commit(journal, batch) is None
    assert [type(pending.done.exception()) for pending in batch] == [type(None), TransactionLostError, type(None)]
    assert journal.unsettled_count() == 2
    journal.close()


def test_a_commit_that_fails_acknowledges_nobody(tmp_path: Path) -> None:
    journal = Bench(tmp_path).open()
    journal._db.execute(f"PRAGMA max_page_count = {journal._db.number('PRAGMA page_count')}")
    batch = [Pending(Changes(tuple(f"{name}{number}" for number in range(200))), 1) for name in "ab"]
    commit(journal, batch)

    assert [type(pending.done.exception()) for pending in batch] == [JournalFullError, JournalFullError]
    assert journal.unsettled_count() == 0
    journal.close()


async def test_a_full_journal_refuses_deliveries_and_says_so(tmp_path: Path) -> None:
    bench = Bench(tmp_path, limit_bytes=120_000)
    engine = bench.start()

    async def flood() -> None:
        for number in range(10_000):
            await engine.put(Changes(tuple(f"{number}/{part}" for part in range(50))))

    with pytest.raises(JournalFullError, match=r"raise journal\.limitBytes"):
        await flood()
    a_turn(engine)
    engine.stop()
    assert (engine.figures().is_full, engine.figures().refused) == (True, 1)


async def test_rows_that_were_matched_make_room_for_new_ones_though_no_finding_can_be_written(tmp_path: Path) -> None:
    bench = Bench(tmp_path, limit_bytes=1_000_000)
    engine = bench.start()
    engine.enable_matching().result()
    for number in range(60):
        await engine.put(Changes(tuple(f"daily/{number}-{part}" for part in range(50))))
        a_turn(engine)
    engine.stop()

    figures = engine.figures()
    assert (figures.last_sequence, figures.refused) == (3_000, 0)
    assert figures.pruned > 0
    assert figures.used_bytes < 1_000_000
