"""Starting, failing, draining and stopping: nobody is left waiting, and every state is told."""

from __future__ import annotations

import asyncio
import math
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from structlog.testing import capture_logs

from auditwatch.events.activity import Gap, LogRow
from auditwatch.journal.errors import JournalCorruptError, JournalInUseError, JournalUnavailableError, SettledTwiceError
from auditwatch.journal.journal import Journal
from auditwatch.runtime.engine import Engine
from auditwatch.runtime.intake import EngineStoppedError
from auditwatch.runtime.upkeep import Upkeep, proof_of_life
from tests.unit.runtime.engine_parts import Bench, Changes, a_turn, matched, one


def test_a_start_tells_who_the_journal_is(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    engine = bench.engine
    opened = engine.start()
    engine.stop()

    assert (opened.journal_id, opened.journal_key, opened.is_new, opened.previous_alive) == ("j", b"k", True, None)


def test_a_restart_knows_the_last_proof_of_life(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    engine = bench.start()
    beat = engine.call(lambda inside: inside.journal.mark("alive"))
    while beat.result() is None:
        beat = engine.call(lambda inside: inside.journal.mark("alive"))
    engine.stop()
    bench.engine = bench._new_engine()
    opened = bench.engine.start()
    bench.engine.stop()

    assert opened.is_new is False
    assert opened.previous_alive == float(beat.result() or b"nan")


def test_a_journal_that_cannot_be_opened_fails_the_start(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    holder = bench.open()
    with pytest.raises(JournalInUseError, match="one instance only"):
        bench.engine.start()
    holder.close()

    assert bench.engine.figures().is_alive is False
    with pytest.raises(EngineStoppedError):
        bench.engine.call(lambda inside: inside)


async def test_a_drain_commits_settles_and_matches_what_was_queued(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    engine = bench.start()
    engine.enable_matching().result()
    puts = [asyncio.create_task(engine.put(one(f"u{number}"))) for number in range(300)]
    await asyncio.sleep(0)
    assert await asyncio.to_thread(engine.stop, drain=True, within=60.0)
    await asyncio.gather(*puts)

    journal = bench.open()
    assert (journal.last_sequence(), journal.position("detected")) == (300, 300)
    assert dict(journal.snapshots("windows")) == {"total": b"300"}
    journal.close()


async def test_after_a_stop_nothing_is_taken(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    engine = bench.start()
    engine.stop()

    with pytest.raises(EngineStoppedError, match="was not recorded"):
        await engine.put(one("late"))


async def test_a_stop_without_drain_tells_everyone_whose_delivery_was_not_recorded(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    engine = bench.start()
    puts = [asyncio.create_task(engine.put(one(f"u{number}"))) for number in range(2_000)]
    await asyncio.sleep(0)
    await asyncio.to_thread(engine.stop, drain=False)
    results = await asyncio.gather(*puts, return_exceptions=True)

    journal = bench.open()
    acknowledged = results.count(None)
    assert acknowledged + sum(isinstance(result, EngineStoppedError) for result in results) == 2_000
    assert journal.last_sequence() + journal.unsettled_count() == acknowledged
    journal.close()


def test_a_call_is_one_transaction(tmp_path: Path) -> None:
    def half(inside: Engine) -> None:
        inside.journal.set_mark("half", b"1")
        raise ValueError("stop here")

    bench = Bench(tmp_path)
    engine = bench.start()
    with pytest.raises(ValueError, match="stop here"):
        engine.call(half).result()

    assert engine.call(lambda inside: inside.journal.mark("half")).result() is None
    engine.stop()


def test_a_disk_that_fails_makes_the_engine_unhealthy_until_it_works_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    engine = bench.start()

    def refuse(inside: Engine) -> None:
        inside.journal._db.execute("PRAGMA query_only = ON")

    def allow(inside: Engine) -> None:
        inside.journal._db.execute("PRAGMA query_only = OFF")

    with capture_logs() as logs:
        engine._post(refuse).result()
        with pytest.raises(JournalUnavailableError, match="cannot be written"):
            asyncio.run(engine.put(one("a")))
        while engine.figures().is_healthy:
            a_turn(engine)
        assert "cannot be written" in engine.figures().error
        engine._post(allow).result()
        while not engine.figures().is_healthy:
            a_turn(engine)
        asyncio.run(engine.put(one("a")))
    engine.stop()

    assert engine.figures().error == ""
    assert [line["event"] for line in logs if line["log_level"] == "error"].count("journal cannot be written") >= 1


def damage(bench: Bench, index: str) -> None:
    """Overwrite the first page of an index while the engine has the journal open, and let it forget what it read."""
    copy = bench.path.with_name("copy.db")
    copy.write_bytes(bench.path.read_bytes())
    with closing(sqlite3.connect(copy)) as database:
        (size,) = database.execute("PRAGMA page_size").fetchone()
        (root,) = database.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (index,)).fetchone()
    with bench.path.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xa5" * size)
    bench.engine._post(lambda inside: inside.journal._db.execute("PRAGMA shrink_memory")).result()


def test_a_journal_damaged_while_it_runs_ends_the_engine_and_the_next_start_sets_it_aside(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.start()
    asyncio.run(bench.engine.put(Changes(tuple(f"u{number}" for number in range(3_000)))))
    bench.engine.stop()
    engine = bench.start()
    asyncio.run(engine.put(one("before")))
    damage(bench, "sqlite_autoindex_inbox_1")

    async def both() -> list[BaseException | None]:
        return list(await asyncio.gather(engine.put(one("a")), engine.put(one("b")), return_exceptions=True))

    with capture_logs() as logs:
        refused = asyncio.run(both())
        engine._thread.join(30)

    assert [type(each) for each in refused if not isinstance(each, EngineStoppedError)] == [JournalCorruptError] * 2
    assert engine.figures().is_alive is False
    assert "restart: it is then set aside" in engine.figures().error
    assert [line["event"] for line in logs if line["log_level"] == "critical"] == ["engine stopped, restart needed"]
    with capture_logs():
        assert bench.start().call(lambda inside: inside.journal.set_aside is not None).result()
        bench.engine.stop()


def test_rows_that_are_settled_twice_again_and_again_end_the_engine(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    engine = bench.start()

    def break_it(inside: Engine) -> None:
        def settle(**_rows: object) -> int:
            raise SettledTwiceError(bench.path, "1 of 1 inbox rows are settled already", "report it")

        inside.journal.settle = settle  # type: ignore[method-assign]  # stands for a defect of our own

    with capture_logs():
        engine._post(break_it).result()
        asyncio.run(engine.put(one("a")))
        engine._thread.join(30)

    assert engine.figures().is_alive is False
    assert "settled already" in engine.figures().error


def test_an_engine_that_falls_over_ends_and_leaves_nobody_waiting(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    engine = bench.start()

    def break_it(inside: Engine) -> None:
        inside.detector = bench.detector
        inside._matcher._detector = None  # type: ignore[assignment]  # stands for a defect of our own

    with capture_logs() as logs:
        engine._post(break_it).result()
        engine._thread.join(30)

    assert engine.figures().is_alive is False
    with pytest.raises(EngineStoppedError):
        asyncio.run(engine.put(one("late")))
    assert [line["event"] for line in logs if line["log_level"] == "critical"] == ["engine stopped, restart needed"]


async def test_a_lost_journal_is_a_gap_behind_the_rules_that_look_for_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.path.write_bytes(b"\x00" * 8192)
    with capture_logs():
        engine = bench.start()
    await engine.put(Changes(("a",)))
    while engine.call(lambda inside: inside.journal.last_sequence()).result() < 1:
        pass
    engine.enable_matching().result()
    matched(engine, 2)
    engine.stop()

    journal = bench.open()
    rows = [msgspec.json.decode(record.payload, type=LogRow) for record in journal.log_after(0, limit=9)]
    gaps = [row for row in rows if isinstance(row, Gap)]
    assert [type(row).__name__ for row in rows] == ["Activity", "Gap"]
    assert (gaps[0].reason, gaps[0].start <= gaps[0].end) == ("JournalLost", True)
    assert ".corrupt-" in gaps[0].message
    assert journal.marks("lost-journal") == {}
    journal.close()


class TestUpkeep:
    """What is done by the clock."""

    def test_a_heart_beats_every_ten_seconds_and_after_an_error_at_once(self, journal: Journal) -> None:
        upkeep = Upkeep(journal)
        beats = []
        for now, was_healthy in ((100.0, True), (105.0, True), (106.0, False), (110.0, True), (116.0, True)):
            upkeep.step(now=now, detected=0, was_healthy=was_healthy)
            beats.append(proof_of_life(journal))

        assert beats == [100.0, 100.0, 106.0, 106.0, 116.0]

    def test_a_clock_set_back_does_not_stop_the_heart(self, journal: Journal) -> None:
        upkeep = Upkeep(journal)
        for now in (1_000.0, 10.0):
            upkeep.step(now=now, detected=0, was_healthy=True)

        assert proof_of_life(journal) == 10.0

    @pytest.mark.parametrize(("detected", "left"), [(0, 10), (4, 6), (10, 0)])
    def test_old_rows_go_up_to_what_was_detected(self, journal: Journal, detected: int, left: int) -> None:
        journal.settle(inbox=[], rows=[b"{}"] * 10)
        upkeep = Upkeep(journal)
        upkeep.step(now=math.inf, detected=detected, was_healthy=True)

        assert (len(journal.log_after(0, limit=99)), upkeep.pruned) == (left, 10 - left)

    def test_what_settled_into_no_row_goes_with_age_or_for_room_and_cannot_fill_the_journal(
        self, tmp_path: Path
    ) -> None:
        with closing(Bench(tmp_path, limit_bytes=1 << 20).open()) as journal:
            upkeep = Upkeep(journal)
            for batch in range(12):
                rows = [(f"{batch * 500 + number:064x}", b"a canary" * 10) for number in range(500)]
                journal.receive_all(rows, source="audit-log")
                journal.settle(inbox=[row.sequence for row in journal.unsettled(limit=999)], rows=[])
                upkeep.step(now=batch * 61.0, detected=0, was_healthy=True)
            assert not journal.is_full()

    @pytest.fixture
    def journal(self, tmp_path: Path) -> Iterator[Journal]:
        opened = Bench(tmp_path).open()
        yield opened
        opened.close()
