"""The source as a whole: what keeps it from starting, what it says of itself, and how it ends."""

from __future__ import annotations

import asyncio
import itertools
import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest

from auditwatch.journal.journal import Journal
from auditwatch.sources.webhook.certificates import SelfMadeError, ensure
from auditwatch.sources.webhook.plan import ConfigMapName, SelfMade, Sender, WebhookPlan
from auditwatch.sources.webhook.tls import TLSFilesError
from tests.unit.sources.webhook.making import INSTANCE, SOURCE, Keys, event, event_list, running

BODY = event_list(event(1))


def _plan(directory: Path) -> WebhookPlan:
    token = directory / "token"
    token.write_text("a-token-of-some-length", encoding="ascii")
    return WebhookPlan(
        name=SOURCE,
        cluster="prod",
        address="127.0.0.1",
        port=0,
        tls=Keys(directory / "own").files,
        senders=(Sender(source=SOURCE, instance=INSTANCE, token_file=token),),
    )


async def test_a_port_that_is_taken_keeps_it_from_starting(tmp_path: Path, journal: Journal) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        plan = replace(_plan(tmp_path), port=taken.getsockname()[1])
        with pytest.raises(OSError, match="in use"):
            async with running(tmp_path, journal, plan=plan):
                pass


async def test_files_that_are_not_there_keep_it_from_starting(tmp_path: Path, journal: Journal) -> None:
    plan = _plan(tmp_path)
    (tmp_path / "own" / "server.key").unlink()

    with pytest.raises(TLSFilesError, match=r"server\.key cannot be read"):
        async with running(tmp_path, journal, plan=plan):
            pass


async def test_a_place_for_certificates_that_cannot_be_written_keeps_it_from_starting(
    tmp_path: Path, journal: Journal
) -> None:
    (tmp_path / "file").touch()
    plan = replace(_plan(tmp_path), tls=SelfMade(directory=tmp_path / "file" / "made", hosts=("a",)))

    with pytest.raises(SelfMadeError):
        async with running(tmp_path, journal, plan=plan):
            pass


async def test_certificates_that_cannot_be_renewed_are_told_and_the_old_ones_serve_on(
    tmp_path: Path, journal: Journal
) -> None:
    made = SelfMade(directory=tmp_path / "made", hosts=("127.0.0.1",))
    async with running(tmp_path, journal, plan=replace(_plan(tmp_path), tls=made)) as rig:
        (rig.keys.directory / "ca.crt").write_bytes((made.directory / "ca.crt").read_bytes())
        (made.directory / "tls.crt").unlink()
        (made.directory / "tls.crt").mkdir()
        assert rig.source._tls
        rig.source._look_at_files(rig.source._tls)

        assert "cannot keep certificates" in rig.report().message
        assert (await rig.post(BODY))[0] == 200


async def test_a_clock_that_is_behind_the_ca_is_told_and_the_ca_is_kept(tmp_path: Path, journal: Journal) -> None:
    made = SelfMade(directory=tmp_path / "made", hosts=("127.0.0.1",))
    ensure(made, now=datetime.now(UTC) + timedelta(days=1), serial=itertools.count(1).__next__)
    before = made.authority.read_bytes()

    async with running(tmp_path, journal, plan=replace(_plan(tmp_path), tls=made)) as rig:
        first = rig.report().trouble
        assert rig.source._tls
        rig.source._look_at_files(rig.source._tls)

        assert "set it right" in first
        assert rig.report().trouble == first, "a status that says the same is not written again"
        assert made.authority.read_bytes() == before


async def test_files_are_looked_at_while_it_runs_without_being_asked(
    tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("auditwatch.sources.webhook.source.SWEEP_SECONDS", 0.01)
    async with running(tmp_path, journal) as rig:
        (tmp_path / "token").write_text("another-token-of-some-length", encoding="ascii")

        for _ in range(1_000):
            status, _, _ = await rig.post(BODY, token="another-token-of-some-length")
            if status == 200:
                break
        assert status == 200


async def test_one_connection_carries_many_requests(tmp_path: Path, journal: Journal) -> None:
    async with running(tmp_path, journal) as rig:
        connector = aiohttp.TCPConnector(ssl=rig.keys.client("kube-apiserver"), limit=1)
        async with aiohttp.ClientSession(connector=connector) as session:
            for number in range(20):
                async with session.post(rig.url(), data=event_list(event(number))) as answer:
                    assert answer.status == 200
        assert len(rig.intake.names()) == 20
        assert len(rig.source._connections) == 1


async def test_many_post_at_once(tmp_path: Path, journal: Journal) -> None:
    async with running(tmp_path, journal) as rig:
        posts = [rig.post(event_list(*map(event, range(number * 10, number * 10 + 10)))) for number in range(16)]

        assert {status for status, _, _ in await asyncio.gather(*posts)} == {200}
        assert len(rig.intake.names()) == 160


async def test_after_the_stop_nobody_is_answered(tmp_path: Path, journal: Journal) -> None:
    async with running(tmp_path, journal) as rig:
        await rig.source.stop()

        with pytest.raises(aiohttp.ClientError):
            await rig.post(BODY)


async def test_a_source_can_be_stopped_twice_and_still_be_asked(tmp_path: Path, journal: Journal) -> None:
    async with running(tmp_path, journal) as rig:
        await rig.source.stop()
        await rig.source.stop()

        assert [report.instance for report in rig.source.report()] == [INSTANCE]


async def test_the_first_failure_of_ours_is_no_traceback_for_the_sender(
    tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_reader: object) -> None:
        raise ZeroDivisionError("a flaw")

    monkeypatch.setattr("auditwatch.sources.webhook.reading.BodyReader.next_slice", broken)
    async with running(tmp_path, journal) as rig:
        status, text, headers = await rig.post(BODY)

        assert (status, headers["Retry-After"]) == (503, "2")
        assert "Traceback" not in text
        assert "flaw" not in text
        assert rig.report().refused == {"InternalError": 1}


async def test_a_ca_that_is_not_published_is_told_and_keeps_nobody_from_posting(
    tmp_path: Path, journal: Journal
) -> None:
    place = ConfigMapName("agents", "ca")
    made = SelfMade(directory=tmp_path / "made", hosts=("127.0.0.1",), published_in=(place,))

    async with running(tmp_path, journal, plan=replace(_plan(tmp_path), tls=made)) as rig:
        for _ in range(6000):
            if "not published in ConfigMap agents/ca" in rig.source.report()[0].message:
                break
            await asyncio.sleep(0.005)
        else:
            pytest.fail("it was never told")
        assert rig.source.port
