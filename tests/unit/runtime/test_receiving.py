"""Audit sources side by side: one that cannot start is told of and tried again, and holds up none of the others."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from auditwatch.cluster.errors import ConfigurationError
from auditwatch.k10.identity import K10Instance
from auditwatch.runtime.receiving import AuditPlan, Receiving, proven_sources
from auditwatch.runtime.sourcesections import K10StreamSection, SourceSection, StateSection
from tests.unit.runtime.apiserver import Asked, api_server, until
from tests.unit.runtime.sourcing import Ended, Stand, a_free_port, echoed, line, listening, states


@pytest.fixture
async def stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stand]:
    monkeypatch.setattr("auditwatch.runtime.receiving.RETRY_SECONDS", 0.02)
    monkeypatch.setattr("auditwatch.runtime.proving.TICK_SECONDS", 0.01)
    async with api_server(tmp_path) as server:
        made = Stand(tmp_path, server)
        yield made
        await asyncio.to_thread(made.engine.stop)


@asynccontextmanager
async def receiving(stand: Stand, *sections: SourceSection) -> AsyncIterator[tuple[Receiving, AuditPlan]]:
    plan = stand.plan(*sections)
    made = Receiving(plan, stand.ground, stand.engine, instances=lambda: [K10Instance()], ended=Ended())
    made.start()
    task = asyncio.create_task(made.run())
    try:
        yield made, plan
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.to_thread(made.stop)


def test_a_file_outlives_our_downtime_and_a_webhooks_sender_gives_up(tmp_path: Path) -> None:
    async def sections() -> list[SourceSection]:
        async with api_server(tmp_path) as server:
            stand = Stand(tmp_path, server)
            stand.engine.stop()
            return [StateSection(), K10StreamSection(), stand.file(), stand.webhook()]

    proven = {each.source: each for each in proven_sources(asyncio.run(sections()))}

    assert set(proven) == {"audit-log", "audit-webhook"}
    assert (proven["audit-log"].survives_downtime, proven["audit-webhook"].survives_downtime) == (True, False)
    assert proven["audit-webhook"].deadline > 2 * 30.0 > 2 * proven["audit-log"].deadline


async def test_a_port_that_is_taken_is_told_and_had_as_soon_as_it_is_free(stand: Stand) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        async with receiving(stand, stand.webhook(port=port)) as (sources, _):
            await until(lambda: states(sources.senders()) == {"audit-webhook": "Refusing"})
            (report,) = sources.senders()
            taken.close()
            await listening(port)
            status = await stand.post(port)
            assert states(sources.senders()) == {"audit-webhook": "Receiving"}

    assert status == 200
    assert report.message.startswith("does not listen: ")
    assert str(port) in report.message


async def test_a_webhook_that_is_tried_again_does_not_look_well_meanwhile(stand: Stand) -> None:
    async with receiving(stand, stand.webhook(certificate="none")) as (sources, _):
        await until(lambda: states(sources.senders()) == {"audit-webhook": "Refusing"})
        seen = set()
        for _ in range(100):
            seen |= set(states(sources.senders()).values())
            await asyncio.sleep(0)
            await asyncio.sleep(0.001)

    assert seen == {"Refusing"}


async def test_a_certificate_that_cannot_be_used_is_named_and_taken_once_it_can(stand: Stand) -> None:
    port, files = a_free_port(), stand.keys.directory
    good = {name: (files / f"server.{name}").read_bytes() for name in ("crt", "key")}
    (files / "server.crt").write_text("-----BEGIN CERTIFICATE-----\nnot one\n-----END CERTIFICATE-----\n")
    async with receiving(stand, stand.webhook(port=port)) as (sources, _):
        await until(lambda: states(sources.senders()) == {"audit-webhook": "Refusing"})
        assert "server.crt" in sources.senders()[0].message
        (files / "server.crt").write_bytes(good["crt"])
        await listening(port)

        assert await stand.post(port) == 200


async def test_a_webhook_that_cannot_listen_holds_up_neither_the_other_nor_the_proofs(stand: Stand) -> None:
    port = a_free_port()
    broken, sound = stand.webhook("broken", port=a_free_port(), certificate="none"), stand.webhook(port=port)
    async with receiving(stand, broken, sound) as (sources, _):
        await until(lambda: states(sources.senders()) == {"broken": "Refusing", "audit-webhook": "Waiting"})
        await until(lambda: len(stand.server.canaries()) == 2, what="our own requests")
        await listening(port)

        assert await stand.post(port) == 200


async def test_our_own_request_posted_to_a_webhook_proves_it_and_its_instance(stand: Stand) -> None:
    port, posts = a_free_port(), set[asyncio.Task[int]]()

    async def post(asked: Asked) -> int:
        await listening(port)
        return await stand.post(port, echoed(asked))

    stand.server.canary = lambda asked: posts.add(asyncio.create_task(post(asked)))
    async with receiving(stand, stand.webhook(port=port)) as (_, plan):
        await until(plan.canaries.proofs, what="a proof")

        assert set(plan.canaries.proofs_of("audit-webhook")) == {"cp-1"}
        assert {proof.source for proof in plan.witness.take_proofs()} == {"audit-webhook"}
        await asyncio.gather(*posts)


async def test_our_own_request_read_from_a_file_proves_it(stand: Stand) -> None:
    log = stand.directory / "audit.log"
    log.touch()

    def write(asked: Asked) -> None:
        with log.open("ab") as file:
            file.write(line(asked))

    stand.server.canary = write
    async with receiving(stand, stand.file()) as (sources, plan):
        await until(plan.canaries.proofs, what="a proof")

        assert states(sources.files()) == {"audit-log": "Reading"}
        assert not plan.canaries.is_silent("audit-log")


async def test_a_file_is_read_while_the_api_server_is_gone(stand: Stand) -> None:
    stand.server.is_down = True
    asked = Asked("GET", "/apis/config.kio.kasten.io/v1alpha1/namespaces/kasten-io/policies/k10-auditwatch-canary", {})
    (stand.directory / "audit.log").write_bytes(line(replace(asked, query={"canary": "n" * 32})))
    async with receiving(stand, stand.file()) as (sources, _):
        await until(lambda: sources.files()[0].selected, what="the event")


async def test_the_port_is_given_back_and_the_file_left_alone_when_told_to_end(stand: Stand) -> None:
    port = a_free_port()
    async with receiving(stand, stand.webhook(port=port), stand.file()):
        await listening(port)
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", port))


async def test_without_a_kubeconfig_it_ends_with_the_fix(stand: Stand) -> None:
    ground = replace(stand.ground, kubeconfig=stand.directory / "nowhere")
    made = Receiving(stand.plan(), ground, stand.engine, instances=list, ended=Ended())

    with pytest.raises(ConfigurationError, match="give --kubeconfig"):
        await made.run()


async def test_before_it_runs_no_webhook_and_every_file_is_reported(stand: Stand) -> None:
    plan = stand.plan(stand.webhook(), stand.file(), StateSection())
    made = Receiving(plan, stand.ground, stand.engine, instances=list, ended=Ended())

    assert (made.senders(), list(states(made.files()))) == ([], ["audit-log"])
