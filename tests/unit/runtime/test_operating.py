"""The operator as a whole: what it waits for, in which order it starts and stops, and what ends it with which code."""

from __future__ import annotations

import socket
import sqlite3
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from auditwatch.journal.errors import JournalError
from auditwatch.journal.journal import Journal
from auditwatch.runtime.engine import Engine
from auditwatch.runtime.operating import EXIT_FAILED, EXIT_LOST_LEASE, EXIT_STOPPED
from tests.unit.runtime.apiserver import DEPLOYMENTS, LEASE, UID, WATCHES, ApiServer, api_server, until
from tests.unit.runtime.operating_rig import asked_for, living
from tests.unit.sources.file.committing import open_journal

LEASES = LEASE.replace("/auditwatch", "/k10-auditwatch")
KUBE_SYSTEM = "/api/v1/namespaces/kube-system"
FINDINGS = "k10securityfindings"
WATCH = {
    "apiVersion": "k10auditwatch.io/v1alpha1",
    "kind": "AuditWatch",
    "metadata": {"uid": "u1", "name": "k10", "namespace": "k10-auditwatch", "generation": 1, "resourceVersion": "1"},
    "spec": {},
}


@pytest.fixture
async def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ApiServer]:
    monkeypatch.setattr("auditwatch.runtime.operating.RETRY_SECONDS", 0.02)
    async with api_server(tmp_path) as started:
        yield started


def holder(server: ApiServer) -> str:
    lease = next((body for path, body in server.objects.items() if "/leases/" in path), {})
    return str(lease.get("spec", {}).get("holderIdentity", "no lease"))


def journal_of(directory: Path) -> Journal:
    return open_journal(directory / "journal" / "journal.db")


async def test_it_becomes_ready_and_stops_as_asked_with_the_lease_given_back(server: ApiServer, tmp_path: Path) -> None:
    async with living(server, tmp_path) as life:
        await life.ready()
        held_by = holder(server)

        assert await life.stopped() == EXIT_STOPPED
    assert held_by.startswith("auditwatch-")
    assert holder(server) == ""
    threads = {"engine", "ingest", "kopf"}
    await until(lambda: threads.isdisjoint(thread.name for thread in threading.enumerate()), what="the threads' end")


async def test_nothing_is_written_or_watched_before_the_lease_is_held(server: ApiServer, tmp_path: Path) -> None:
    async with living(server, tmp_path) as life:
        await life.ready()
    asked = [(each.method, each.path) for each in server.asked]
    taken = next(index for index, (method, path) in enumerate(asked) if method == "POST" and path.endswith("/leases"))

    assert [path for _, path in asked[:taken]] == [KUBE_SYSTEM, LEASES]
    assert len(asked) > taken + 1


async def test_rules_are_known_before_anything_is_watched(server: ApiServer, tmp_path: Path) -> None:
    server.items[WATCHES] = [WATCH]
    async with living(server, tmp_path) as life:
        await life.ready()
        await until(lambda: any("watch" in each.query for each in server.asked))
    read = next(index for index, each in enumerate(server.asked) if each.path == WATCHES)
    watched = next(index for index, each in enumerate(server.asked) if "watch" in each.query)

    assert read < watched


async def test_the_lease_is_the_last_thing_that_is_written(server: ApiServer, tmp_path: Path) -> None:
    server.items[WATCHES] = [WATCH]
    async with living(server, tmp_path) as life:
        await life.ready()
        await life.stopped()
    written = [each for each in server.asked if each.method in ("POST", "PUT", "PATCH", "DELETE")]

    assert (written[-1].method, written[-1].path) == ("PUT", LEASES)


async def test_a_restart_has_the_identity_and_the_cluster_it_had(server: ApiServer, tmp_path: Path) -> None:
    holders = []
    for _ in range(2):
        async with living(server, tmp_path) as life:
            await life.ready()
            holders.append(holder(server))
            assert life.operator._parts._cluster_name == UID

    assert len(set(holders)) == 1


async def test_a_lease_held_by_another_is_waited_for_and_named(server: ApiServer, tmp_path: Path) -> None:
    spec = {"holderIdentity": "another", "leaseDurationSeconds": 3600}
    server.put(LEASES, {"metadata": {"name": "k10-auditwatch"}, "spec": spec})
    async with living(server, tmp_path) as life:
        await life.says("waiting for the Lease")
        await life.says("held by another")
        assert (await life.page("/healthz"))[0] == 200

        assert await life.stopped() == EXIT_STOPPED
    assert holder(server) == "another"


async def test_a_lease_that_somebody_takes_ends_it_with_a_code_of_its_own(server: ApiServer, tmp_path: Path) -> None:
    async with living(server, tmp_path, lease_seconds=9) as life:
        await life.ready()
        server.put(LEASES, {**server.objects[LEASES], "spec": {"holderIdentity": "thief", "leaseDurationSeconds": 60}})

        assert await life.code() == EXIT_LOST_LEASE
    assert holder(server) == "thief"


async def test_an_api_server_that_is_not_there_yet_is_waited_for(server: ApiServer, tmp_path: Path) -> None:
    server.is_down = True
    async with living(server, tmp_path) as life:
        await until(lambda: server.cut >= 3)
        server.is_down = False
        await life.ready()


async def test_it_can_be_stopped_while_the_api_server_is_not_there(server: ApiServer, tmp_path: Path) -> None:
    server.is_down = True
    async with living(server, tmp_path) as life:
        await until(lambda: server.cut >= 3)

        assert await life.stopped() == EXIT_STOPPED
    assert not (tmp_path / "journal" / "journal.db").exists()


@pytest.mark.parametrize(
    ("refused", "says"),
    [(WATCHES, "cannot read AuditWatches"), (FINDINGS, "cannot read findings"), (DEPLOYMENTS, "cannot find K10")],
)
async def test_what_may_not_be_read_is_named_by_the_probe_and_waited_for(
    server: ApiServer, tmp_path: Path, refused: str, says: str
) -> None:
    server.items[WATCHES] = [WATCH]
    server.refused[refused] = 403
    async with living(server, tmp_path) as life:
        await life.says(says)
        assert "403" in (await life.page("/readyz"))[1]
        server.refused.clear()
        await life.ready()


async def test_a_right_that_is_still_missing_does_not_keep_it_from_stopping(server: ApiServer, tmp_path: Path) -> None:
    server.refused[WATCHES] = 403
    async with living(server, tmp_path) as life:
        await life.says("cannot read AuditWatches")

        assert await life.stopped() == EXIT_STOPPED
    assert holder(server) == ""


async def test_without_a_k10_it_is_ready_and_watches_where_k10_would_be(server: ApiServer, tmp_path: Path) -> None:
    async with living(server, tmp_path) as life:
        await life.ready()
        await asked_for(server, "/namespaces/kasten-io/pods")

        assert [each.namespace for each in life.operator._parts.ingest.instances] == ["kasten-io"]


async def test_a_k10_elsewhere_is_found_and_watched_there(server: ApiServer, tmp_path: Path) -> None:
    server.items[DEPLOYMENTS] = [{"metadata": {"name": "aggregatedapis-svc", "namespace": "backup"}}]
    async with living(server, tmp_path) as life:
        await life.ready()
        await asked_for(server, "/namespaces/backup/pods")

    assert not any("/namespaces/kasten-io/pods" in each.path for each in server.asked)


async def test_a_port_that_is_taken_ends_it_with_the_fix_and_leaves_the_journal_to_the_next(
    server: ApiServer, tmp_path: Path
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        async with living(server, tmp_path, port=taken.getsockname()[1]) as life:
            with pytest.raises(OSError, match=r"probes\.address and probes\.port"):
                await life.code()
    journal_of(tmp_path).close()

    assert not any("leases" in each.path for each in server.asked)


async def test_a_journal_held_by_another_process_ends_it_before_it_asks_for_the_lease(
    server: ApiServer, tmp_path: Path
) -> None:
    (tmp_path / "journal").mkdir()
    journal = journal_of(tmp_path)
    async with living(server, tmp_path) as life:
        with pytest.raises(JournalError, match="one instance only"):
            await life.code()
    journal.close()

    assert not any("leases" in each.path for each in server.asked)


async def test_an_engine_that_fails_ends_the_operator_and_is_named(
    server: ApiServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_engine: Engine, _timeout: float) -> bool:
        raise MemoryError("as if nobody foresaw it")

    async with living(server, tmp_path) as life:
        await life.ready()
        engine = life.operator._parts.engine
        engine._turn = fail  # type: ignore[method-assign, assignment]  # from the next turn on

        assert await life.code() == EXIT_FAILED
        assert life.operator._parts.overview.health()["engine"] == "the engine thread has ended"
    said = capsys.readouterr().out
    assert "MemoryError: as if nobody foresaw it" in said
    assert "sub-exception" not in said


async def test_sources_that_end_by_themselves_end_the_operator_and_the_reason_is_logged(
    server: ApiServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with living(server, tmp_path) as life:
        await life.ready()
        life.operator._ended_by("sources")(sqlite3.OperationalError("no more room"))

        assert await life.code() == EXIT_FAILED
    assert "sources ended: OperationalError: no more room" in capsys.readouterr().out


async def test_only_the_first_reason_to_end_counts(server: ApiServer, tmp_path: Path) -> None:
    async with living(server, tmp_path) as life:
        await life.ready()
        life.operator._end(EXIT_LOST_LEASE, "lost")
        life.operator.stop()

        assert await life.code() == EXIT_LOST_LEASE
