"""Publishing across crashes and stops: the next life writes what was not written, and nothing is counted twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cluster.hostile import serving
from tests.unit.findings.littleserver import LittleServer, refused
from tests.unit.findings.making import signal
from tests.unit.runtime.publishing_bench import NAMESPACE, engine_on, publishing


@pytest.fixture
def server() -> LittleServer:
    return LittleServer()


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal" / "journal.db"


def counts(server: LittleServer) -> list[int]:
    return [finding.get("status", {}).get("count", 0) for finding in server.under("k10securityfindings")]


def detected_without_publishing(journal: Path, *sequences: int) -> None:
    """A life that ended between the commit and the API server."""
    with engine_on(journal, lambda *_: None) as engine:
        engine.call(
            lambda inner: inner.ledger.apply(signal(each, name=f"policy-{each}") for each in sequences)
        ).result()


async def test_what_an_earlier_life_did_not_publish_is_published(
    server: LittleServer, journal: Path, tmp_path: Path
) -> None:
    detected_without_publishing(journal, 1, 2, 3)
    async with serving(server.handle, tmp_path) as cluster, publishing(cluster, journal) as bench:
        await bench.until(lambda: counts(server) == [1, 1, 1])


async def test_what_was_published_is_not_written_again(server: LittleServer, journal: Path, tmp_path: Path) -> None:
    async with serving(server.handle, tmp_path) as cluster:
        async with publishing(cluster, journal) as bench:
            await bench.apply(signal(1), signal(2, name="weekly"))
            await bench.until(lambda: counts(server) == [1, 1] and bench.publisher.backlog().findings == 0)
        server.requests.clear()
        async with publishing(cluster, journal) as bench:
            await bench.apply(signal(3, name="weekly", after=1))
            await bench.until(lambda: sorted(counts(server)) == [1, 2])

    assert server.asked("POST", "k10securityfindings") == 0
    assert server.asked("PATCH", "k10securityfindings") == 1, server.requests


async def test_publishing_again_after_a_crash_changes_nothing(
    server: LittleServer, journal: Path, tmp_path: Path
) -> None:
    detected_without_publishing(journal, 1)
    async with serving(server.handle, tmp_path) as cluster:
        async with publishing(cluster, journal, is_started=False) as bench:
            await bench.publisher.start(bench.engine)
            key = bench.publisher._board.schedule.take(1e12)
            assert key is not None
            await bench.publisher._publish(key)
        (before,) = [dict(finding) for finding in server.under("k10securityfindings")]
        async with publishing(cluster, journal) as bench:
            await bench.until(lambda: bench.publisher.written == 1)
        (after,) = server.under("k10securityfindings")

    assert after == before


async def test_stopping_writes_what_can_be_written(server: LittleServer, journal: Path, tmp_path: Path) -> None:
    async with serving(server.handle, tmp_path) as cluster, publishing(cluster, journal, cadence=600.0) as bench:
        await bench.apply(signal(1))
        await bench.until(lambda: counts(server) == [1])
        await bench.apply(signal(2, after=1))

    assert counts(server) == [2]


async def test_stopping_without_an_api_server_ends_in_its_budget_and_loses_nothing(
    server: LittleServer, journal: Path, tmp_path: Path
) -> None:
    async with serving(server.handle, tmp_path) as cluster:
        server.refusal = lambda request: None if request.method == "GET" else refused(503)
        async with publishing(cluster, journal, drain_seconds=0.05) as bench:
            await bench.apply(signal(1))
            await bench.until(lambda: server.asked("POST", "findings") > 0)
        assert counts(server) == []
        server.refusal = lambda _: None
        async with publishing(cluster, journal) as bench:
            await bench.until(lambda: counts(server) == [1])


async def test_the_journal_knows_what_is_published(server: LittleServer, journal: Path, tmp_path: Path) -> None:
    async with serving(server.handle, tmp_path) as cluster, publishing(cluster, journal) as bench:
        await bench.apply(signal(5))
        await bench.until(lambda: counts(server) == [1])
        await bench.publisher._memory.save(bench.engine)
        (state,) = await bench.states()
        assert await bench.saved() == {state.key}


async def test_incidents_that_are_over_are_dropped_from_the_journal(
    server: LittleServer, journal: Path, tmp_path: Path
) -> None:
    async with serving(server.handle, tmp_path) as cluster, publishing(cluster, journal) as bench:
        await bench.apply(signal(1))
        await bench.until(lambda: counts(server) == [1])
        await bench.publisher._memory.save(bench.engine)
        await bench.publisher._memory.forget(bench.engine, before=4e9)
        await bench.until(lambda: bench.publisher._board.revisions() == {})
        await bench.publisher._memory.save(bench.engine)

        assert await bench.states() == []
        assert await bench.saved() == set()


async def test_a_lost_journal_continues_the_findings_it_finds(
    server: LittleServer, journal: Path, tmp_path: Path
) -> None:
    async with serving(server.handle, tmp_path) as cluster:
        async with publishing(cluster, journal) as bench:
            await bench.apply(*(signal(sequence, after=sequence) for sequence in range(1, 6)))
            await bench.until(lambda: counts(server) == [5])
        lost = tmp_path / "new" / "journal.db"
        async with publishing(cluster, lost, journal_id="journal-b") as bench:
            fresh = signal(900, after=60)
            await bench.apply(signal(1, after=60, activity=fresh.activity))
            await bench.until(lambda: counts(server) == [6])

    (finding,) = server.under("k10securityfindings")
    assert finding["status"]["watermark"] == {"journalID": "journal-b", "sequence": 1}
    assert finding["metadata"]["namespace"] == NAMESPACE


async def test_a_lost_journal_alone_writes_nothing(server: LittleServer, journal: Path, tmp_path: Path) -> None:
    async with serving(server.handle, tmp_path) as cluster:
        async with publishing(cluster, journal) as bench:
            await bench.apply(signal(1))
            await bench.until(lambda: counts(server) == [1])
        server.requests.clear()
        async with publishing(cluster, tmp_path / "new" / "journal.db", journal_id="journal-b") as bench:
            assert [state.count for state in await bench.states()] == [1]

    assert server.asked("PATCH", "") == server.asked("POST", "") == 0
