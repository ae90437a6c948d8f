"""The ingest thread: what follows K10 is replaced when K10 moves, what receives stays, and an end is never silent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from auditwatch.cluster.errors import ConfigurationError
from auditwatch.k10.identity import K10Instance
from auditwatch.runtime.following import Ground
from auditwatch.runtime.ingest import IngestThread
from auditwatch.runtime.intake import EngineStoppedError
from auditwatch.runtime.proving import AuditProver
from auditwatch.runtime.sourcesections import K10StreamSection, SourceSection, StateSection
from tests.unit.runtime.apiserver import Asked, api_server, until
from tests.unit.runtime.sourcing import Ended, Stand, a_free_port, listening, states

HOME, ABROAD = K10Instance(), K10Instance(namespace="backup")
DEPLOYMENTS = "/apis/apps/v1/namespaces/{}/deployments"
NAMESPACES = "/api/v1/namespaces"


@pytest.fixture
async def stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stand]:
    monkeypatch.setattr("auditwatch.runtime.proving.TICK_SECONDS", 0.01)
    async with api_server(tmp_path) as server:
        made = Stand(tmp_path, server)
        yield made
        await asyncio.to_thread(made.engine.stop)


class Life:
    """A thread that runs, and what it told."""

    def __init__(self, stand: Stand, *sections: SourceSection, ground: Ground | None = None) -> None:
        self.stand = stand
        self.ended = Ended()
        self.plan = stand.plan(*sections)
        self.thread = IngestThread(ground or stand.ground, self.plan, stand.engine, sections=sections, ended=self.ended)

    def watches(self, path: str) -> list[Asked]:
        return [each for each in self.stand.server.asked if each.path == path and "watch" in each.query]

    def lists(self, path: str) -> list[Asked]:
        return [each for each in self.stand.server.asked if each.path == path and "watch" not in each.query]

    async def watching(self, path: str, *, times: int = 1) -> None:
        await until(lambda: len(self.watches(path)) >= times, what=f"watch {times} of {path}")


@asynccontextmanager
async def started(life: Life, *instances: K10Instance) -> AsyncIterator[Life]:
    life.thread.start(instances or (HOME,))
    try:
        yield life
    finally:
        await asyncio.to_thread(life.thread.stop)


async def test_a_k10_that_moved_is_watched_where_it_is_and_no_longer_where_it_was(stand: Stand) -> None:
    async with started(Life(stand)) as life:
        await life.watching(DEPLOYMENTS.format("kasten-io"))
        life.thread.follow((ABROAD,))
        await life.watching(DEPLOYMENTS.format("backup"))
        await until(lambda: life.thread.instances == (ABROAD,))

        namespaces = {each.namespace for each in life.thread.reports().kinds if each.resource == "deployments"}
        assert (namespaces & {"backup", "kasten-io"}) == {"backup"}
        assert len(life.watches(DEPLOYMENTS.format("kasten-io"))) == 1
        assert life.ended.told == []


async def test_a_k10_that_moves_while_it_is_still_moving_is_followed_once(stand: Stand) -> None:
    async with started(Life(stand)) as life:
        await life.watching(DEPLOYMENTS.format(HOME.namespace))
        for instance in (ABROAD, HOME, ABROAD):
            life.thread.follow([instance])
        await life.watching(DEPLOYMENTS.format(ABROAD.namespace))
        await until(lambda: life.thread.instances == (ABROAD,), what="the last move")

        follows = [task for task in asyncio.all_tasks(life.thread._loop) if task.get_name() == "follow"]
        assert len(follows) == 1


async def test_what_is_watched_everywhere_goes_on_from_its_place_when_k10_moves(stand: Stand) -> None:
    async with started(Life(stand)) as life:
        await life.watching(NAMESPACES)
        listed = len(life.lists(NAMESPACES))
        life.thread.follow((ABROAD,))
        await life.watching(NAMESPACES, times=2)

        assert len(life.lists(NAMESPACES)) == listed
        assert life.watches(NAMESPACES)[-1].query["resourceVersion"] == "1"


async def test_webhooks_and_files_stay_when_k10_moves_and_our_requests_go_where_it_is(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(AuditProver.__init__.__kwdefaults__ or {}, "interval", 0.01)
    port = a_free_port()
    (stand.directory / "audit.log").touch()
    async with started(Life(stand, stand.webhook(port=port), stand.file())) as life:
        await listening(port)
        await until(stand.server.canaries)
        life.thread.follow((ABROAD,))
        await until(lambda: any("/backup/" in each.path for each in stand.server.canaries()), what="a request there")

        assert await stand.post(port) == 200
        assert states(life.thread.reports().files) == {"audit-log": "Reading"}


async def test_requests_of_the_k10_stream_followed_now_are_ours_in_the_audit_log_as_well(stand: Stand) -> None:
    async with started(Life(stand, K10StreamSection())) as life:
        await life.watching(NAMESPACES)
        life.thread.follow((ABROAD,))
        await life.watching(NAMESPACES, times=2)

        assert [others.__self__.instances for others in life.plan.canaries._others] == [(ABROAD,)]  # type: ignore[attr-defined]  # bound methods of the present Following


async def test_sources_and_their_reports_follow_the_installers_configuration(stand: Stand) -> None:
    async with started(Life(stand, StateSection(), K10StreamSection(name="stream"), stand.file())) as life:
        await until(lambda: {kind.resource for kind in life.thread.reports().kinds} >= {"policies", "namespaces"})
        reports = life.thread.reports()

        assert list(reports.pods) == ["stream"]
        assert list(states(reports.files)) == ["audit-log"]


async def test_before_the_start_nothing_is_reported_and_an_end_is_harmless(stand: Stand) -> None:
    life = Life(stand, StateSection(), K10StreamSection())

    assert (life.thread.reports().kinds, life.thread.reports().pods, life.thread.alive) == ([], {}, False)
    life.thread.stop()


async def test_an_end_as_asked_is_no_failure_and_ends_the_thread(stand: Stand) -> None:
    async with started(Life(stand, stand.webhook(), stand.file())) as life:
        await life.watching(NAMESPACES)

    assert not life.thread.alive
    assert life.ended.told == []


async def test_a_stop_while_the_api_server_does_not_answer_ends_the_thread_too(stand: Stand) -> None:
    stand.server.is_down = True
    async with started(Life(stand, stand.webhook(), stand.file())) as life:
        await until(lambda: stand.server.cut)

    assert not life.thread.alive
    assert life.ended.told == []


async def test_a_failure_to_connect_is_told_by_each_that_ends(stand: Stand) -> None:
    ground = replace(stand.ground, kubeconfig=stand.directory / "nowhere")
    async with started(Life(stand, ground=ground)) as life:
        await until(lambda: len(life.ended.told) == 2)

        assert all(isinstance(error, ConfigurationError) for error in life.ended.told)


async def test_an_engine_that_is_gone_ends_the_sources_and_is_named(stand: Stand) -> None:
    async with started(Life(stand)) as life:
        await life.watching(NAMESPACES)
        await asyncio.to_thread(stand.engine.stop)
        life.thread.follow((ABROAD,))
        await until(lambda: life.ended.told, what="the end")

    assert isinstance(life.ended.told[0], ExceptionGroup | EngineStoppedError)
