"""From the engine's commit to the object at the API server, in one life of the program."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from auditwatch.events.activity import Actor
from auditwatch.findings.board import Board
from auditwatch.findings.policy import FindingPolicy
from tests.unit.cluster.hostile import serving
from tests.unit.findings.littleserver import LittleServer, refused
from tests.unit.findings.making import WATCH, signal
from tests.unit.runtime.publishing_bench import publishing


@pytest.fixture
def server() -> LittleServer:
    return LittleServer()


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal" / "journal.db"


def findings(server: LittleServer) -> list[dict[str, Any]]:
    return server.under("k10securityfindings")


def counts(server: LittleServer) -> list[int]:
    return [finding.get("status", {}).get("count", 0) for finding in findings(server)]


async def test_a_committed_signal_becomes_an_object_with_status_and_an_event(
    server: LittleServer, journal: Path, tmp_path: Path
) -> None:
    async with serving(server.handle, tmp_path) as cluster, publishing(cluster, journal) as bench:
        await bench.apply(signal(1))
        await bench.until(lambda: counts(server) == [1] and bench.publisher.writes().events_sent == 1)
        (finding,) = findings(server)

        assert len(server.under("events")) == 1
        assert finding["spec"]["rule"] == "retention-cut"
        assert finding["status"]["title"] == "retention of daily was cut"
        assert server.under("events")[0]["regarding"]["uid"] == finding["metadata"]["uid"]
        assert bench.publisher.writes().findings >= 1


async def test_the_status_follows_the_count(server: LittleServer, journal: Path, tmp_path: Path) -> None:
    async with serving(server.handle, tmp_path) as cluster, publishing(cluster, journal) as bench:
        for sequence in range(1, 51):
            await bench.apply(signal(sequence, after=sequence))
        await bench.until(lambda: counts(server) == [50])

    assert server.asked("POST", "k10securityfindings") == 1


async def test_the_severity_label_moves_when_the_severity_rises(
    server: LittleServer, journal: Path, tmp_path: Path
) -> None:
    def label() -> str:
        return str(findings(server)[0]["metadata"]["labels"]["k10auditwatch.io/severity"]) if findings(server) else ""

    async with serving(server.handle, tmp_path) as cluster, publishing(cluster, journal) as bench:
        await bench.apply(signal(1, severity="Low"))
        await bench.until(lambda: label() == "Low")
        await bench.apply(signal(2, severity="Critical"))
        await bench.until(lambda: label() == "Critical")


async def test_a_hundred_findings_are_all_created(server: LittleServer, journal: Path, tmp_path: Path) -> None:
    async with serving(server.handle, tmp_path) as cluster, publishing(cluster, journal) as bench:
        await bench.apply(*(signal(sequence, name=f"policy-{sequence}") for sequence in range(1, 101)))
        await bench.until(lambda: counts(server) == [1] * 100)
        await bench.until(lambda: bench.publisher.backlog().findings == 0)
        assert bench.publisher.backlog().waiting_seconds == 0.0


async def test_below_the_minimum_severity_nothing_is_created(
    server: LittleServer, journal: Path, tmp_path: Path
) -> None:
    policy = FindingPolicy(min_severity="High")
    async with serving(server.handle, tmp_path) as cluster, publishing(cluster, journal, policy=policy) as bench:
        await bench.apply(signal(1, severity="Low"), signal(2, name="weekly", severity="High"))
        await bench.until(lambda: len(findings(server)) == 1)

    assert [finding["spec"]["target"]["name"] for finding in findings(server)] == ["weekly"]


async def test_an_object_somebody_deleted_comes_back_with_the_next_change(
    server: LittleServer, journal: Path, tmp_path: Path
) -> None:
    async with serving(server.handle, tmp_path) as cluster, publishing(cluster, journal) as bench:
        await bench.apply(signal(1))
        await bench.until(lambda: counts(server) == [1])
        server.objects.clear()
        await bench.apply(signal(2, after=1))
        await bench.until(lambda: counts(server) == [2])


async def test_an_object_that_is_there_already_is_brought_up_to_date(
    server: LittleServer, journal: Path, tmp_path: Path
) -> None:
    async with serving(server.handle, tmp_path) as cluster:
        async with publishing(cluster, journal) as bench:
            await bench.apply(signal(1))
            await bench.until(lambda: counts(server) == [1])
        findings(server)[0]["status"]["count"] = 0
        async with publishing(cluster, tmp_path / "lost" / "journal.db") as bench:
            await bench.apply(signal(1))
            await bench.until(lambda: counts(server) == [1])

    assert len(findings(server)) == 1


# Trouble


async def test_an_outage_costs_time_and_no_finding(server: LittleServer, journal: Path, tmp_path: Path) -> None:
    async with serving(server.handle, tmp_path) as cluster:
        server.refusal = lambda request: None if request.method == "GET" else refused(503, "ServiceUnavailable")
        async with publishing(cluster, journal) as bench:
            await bench.apply(*(signal(sequence, name=f"policy-{sequence}") for sequence in range(1, 31)))
            await bench.until(lambda: server.asked("POST", "k10securityfindings") >= 1)
            assert bench.publisher.backlog().findings == 30
            server.refusal = lambda _: None
            await bench.until(lambda: counts(server) == [1] * 30)


async def test_a_server_that_asks_for_a_pause_gets_it(server: LittleServer, journal: Path, tmp_path: Path) -> None:
    asked: list[str] = []

    def busy(request: web.Request) -> web.Response | None:
        if request.method != "POST" or "findings" not in request.path or asked:
            return None
        asked.append(request.path)
        return refused(429, "TooManyRequests", Retry_After="1")

    server.refusal = busy
    async with serving(server.handle, tmp_path) as cluster, publishing(cluster, journal) as bench:
        await bench.apply(signal(1))
        await bench.until(lambda: len(asked) == 1)
        assert bench.publisher.backlog().findings == 1
        await bench.until(lambda: counts(server) == [1])


async def test_a_finding_the_server_refuses_does_not_hold_up_the_others(
    server: LittleServer, journal: Path, tmp_path: Path
) -> None:
    def no_new_finding(request: web.Request) -> web.Response | None:
        return refused(422, "Invalid") if request.method == "POST" and "findings" in request.path else None

    async with (
        serving(server.handle, tmp_path) as cluster,
        publishing(cluster, journal, drain_seconds=0.1) as bench,
    ):
        await bench.apply(signal(1, name="good"))
        await bench.until(lambda: counts(server) == [1])
        server.refusal = no_new_finding
        await bench.apply(signal(2, name="bad", severity="Critical"), signal(3, name="good", after=1))
        await bench.until(lambda: counts(server) == [2] and bench.publisher.refused(WATCH).findings == 1)
        await bench.until(lambda: bench.publisher.backlog().findings == 0)  # the answer to what the server counted
        assert "422 Invalid" in bench.publisher.refused(WATCH).why
        await bench.publisher._memory.save(bench.engine)
        assert len(await bench.saved()) == 1


async def test_what_was_refused_in_a_mistyped_namespace_is_written_where_the_watch_says_then(
    server: LittleServer, journal: Path, tmp_path: Path
) -> None:
    def is_missing(request: web.Request) -> web.Response | None:
        return refused(404, "NotFound") if request.method == "POST" and "/mistyped/" in request.path else None

    server.refusal = is_missing
    policy = FindingPolicy(namespace="mistyped")
    async with serving(server.handle, tmp_path) as cluster, publishing(cluster, journal, policy=policy) as bench:
        await bench.apply(signal(1))
        await bench.until(lambda: bench.publisher.refused(WATCH).findings == 1)
        await bench.configure(FindingPolicy(namespace="security"))
        await bench.until(lambda: counts(server) == [1] and bench.publisher.refused(WATCH).findings == 0)
        assert [finding["metadata"]["namespace"] for finding in findings(server)] == ["security"]


async def test_findings_of_a_watch_that_went_with_its_namespace_are_let_go(
    server: LittleServer, journal: Path, tmp_path: Path
) -> None:
    server.refusal = lambda request: None if request.method == "GET" else refused(404, "NotFound")
    async with serving(server.handle, tmp_path) as cluster, publishing(cluster, journal) as bench:
        await bench.apply(signal(1))
        await bench.until(lambda: bench.publisher.refused(WATCH).findings == 1)
        await bench.end()
        await bench.publisher._memory.forget(bench.engine, before=0.0)
        await bench.until(lambda: bench.publisher.refused_counts() == {})
        assert await bench.states() == []


# Triage


async def test_a_person_s_triage_shows_in_status(server: LittleServer, journal: Path, tmp_path: Path) -> None:
    def status() -> dict[str, Any]:
        found: dict[str, Any] = findings(server)[0]["status"]
        return found

    async with serving(server.handle, tmp_path) as cluster, publishing(cluster, journal) as bench:
        await bench.apply(signal(1))
        await bench.until(lambda: counts(server) == [1])
        name = findings(server)[0]["metadata"]["name"]
        server.triage(name, state="Resolved")
        await bench.until(lambda: status()["state"] == "Closed")
        assert {each["type"]: each["status"] for each in status()["conditions"]} == {
            "Acknowledged": "True",
            "Resolved": "True",
        }
        await bench.apply(signal(2, after=1, actor=Actor(manager="helm")))
        await bench.until(lambda: status()["state"] == "Reopened")


async def test_triage_of_an_incident_the_ledger_has_dropped_is_followed(
    server: LittleServer, journal: Path, tmp_path: Path
) -> None:
    async with serving(server.handle, tmp_path) as cluster, publishing(cluster, journal) as bench:
        await bench.apply(signal(1))
        await bench.until(lambda: counts(server) == [1])
        await bench.publisher._memory.save(bench.engine)
        await bench.publisher._memory.forget(bench.engine, before=4e9)
        assert await bench.states() == []
        server.triage(findings(server)[0]["metadata"]["name"], state="FalsePositive")
        await bench.until(lambda: findings(server)[0]["status"]["state"] == "Closed")

    assert counts(server) == [1]


async def test_people_s_own_labels_stay(server: LittleServer, journal: Path, tmp_path: Path) -> None:
    async with serving(server.handle, tmp_path) as cluster, publishing(cluster, journal) as bench:
        await bench.apply(signal(1, severity="Low"))
        await bench.until(lambda: counts(server) == [1])
        findings(server)[0]["metadata"]["labels"]["team"] = "storage"
        await bench.apply(signal(2, severity="High"))
        await bench.until(lambda: findings(server)[0]["metadata"]["labels"]["k10auditwatch.io/severity"] == "High")

    assert findings(server)[0]["metadata"]["labels"]["team"] == "storage"


async def test_a_finding_nobody_can_read_ends_neither_the_start_nor_publishing(
    server: LittleServer, journal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Board.look

    def failing(board: Board, finding: dict[str, Any], **told: Any) -> Any:
        if finding["spec"]["target"]["name"] == "odd":
            raise KeyError("a defect")
        return real(board, finding, **told)

    async with serving(server.handle, tmp_path) as cluster:
        async with publishing(cluster, journal) as bench:
            await bench.apply(signal(1, name="odd"))
            await bench.until(lambda: counts(server) == [1])
        monkeypatch.setattr(Board, "look", failing)
        async with publishing(cluster, journal) as bench:
            asked = server.asked("GET", "k10securityfindings")
            await bench.until(lambda: server.asked("GET", "k10securityfindings") > asked + 2)
            await bench.apply(signal(2, name="good"))
            await bench.until(lambda: counts(server) == [1, 1])
