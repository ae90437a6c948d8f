"""The agent as a process, posting to a real webhook source before a real journal: ended, killed, and found wanting."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import random
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from auditwatch.events.needles import Needle, Needles
from auditwatch.sources.file.position import decode
from auditwatch.sources.webhook.plan import Sender
from tests.unit.runtime import agent_worker
from tests.unit.sources.file.committing import open_journal
from tests.unit.sources.file.making import Log, doubled, expected
from tests.unit.sources.webhook.making import INSTANCE, SOURCE, Rig, running

ROOT = Path(__file__).parents[3]
KILLS = 8


@pytest.fixture(scope="module")
def warm() -> Iterator[ForkServerContext]:
    """Starts agents as forks of one process that has imported everything."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([agent_worker.__name__])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", f"{ROOT / 'operator'}{os.pathsep}{ROOT}")
        yield context


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    token = tmp_path / "token"
    token.write_text("of-the-agent-of-this-node\n")
    journal = open_journal(tmp_path / "journal.db")
    sender = Sender(source=SOURCE, instance=INSTANCE, token_file=token)
    async with running(tmp_path, journal, senders=[sender]) as made:
        yield made
    journal.close()


def settings(rig: Rig, directory: Path) -> dict[str, object]:
    return {
        "url": f"https://127.0.0.1:{rig.source.port}",
        "source": SOURCE,
        "instance": INSTANCE,
        "path": str(directory / "audit.log"),
        "stateFile": str(directory / "position"),
        "start": "Beginning",
        "tokenFile": str(directory / "token"),
        "tls": {"serverCAFile": str(rig.keys.directory / "ca.crt")},
        "compress": True,
    }


def numbers(rig: Rig) -> list[str]:
    return [record.event.request_uri.rpartition("/")[2] for record in rig.intake.records()]


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60.0):
        while not holds():  # noqa: ASYNC110 - what is waited for happens in other processes
            await asyncio.sleep(0.02)


async def command(rig: Rig, directory: Path) -> asyncio.subprocess.Process:
    config = directory / "agent.yaml"
    config.write_text(json.dumps(settings(rig, directory)))
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "auditwatch", "agent", "--config", str(config),
        stderr=asyncio.subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT / "operator")},
    )  # fmt: skip


def saved_offset(directory: Path) -> int:
    """Of the only file; 0 before anything was saved."""
    try:
        _, body = (directory / "position").read_bytes().split(b"\n", 1)
    except FileNotFoundError:
        return 0
    files = decode(body).files
    return files[0].offset if files else 0


async def test_no_kill_of_an_agent_loses_or_doubles_an_event(warm: ForkServerContext, rig: Rig, tmp_path: Path) -> None:
    log, moments, stop = Log(tmp_path / "audit.log", compress=True), random.Random(5), threading.Event()
    log.events(50)

    def write() -> None:
        while not stop.wait(0.003):
            log.events(moments.randint(1, 30))
            if moments.random() < 0.05:
                log.rotate()

    writer = threading.Thread(target=write)
    writer.start()
    for _ in range(KILLS):
        worker = warm.Process(target=agent_worker.work, args=(settings(rig, tmp_path),))
        worker.start()
        before = rig.intake.put_count
        await until(lambda before=before: rig.intake.put_count >= before + moments.randint(1, 4))  # type: ignore[misc]  # bound now
        worker.kill()
        await asyncio.to_thread(worker.join)
        assert worker.exitcode == -signal.SIGKILL
    stop.set()
    writer.join()
    worker = warm.Process(target=agent_worker.work, args=(settings(rig, tmp_path),))
    worker.start()
    await until(lambda: set(numbers(rig)) >= set(expected(log.written)))
    worker.kill()
    await asyncio.to_thread(worker.join)
    log.close()

    assert doubled(numbers(rig)) == set()


async def test_the_command_posts_what_is_of_interest_and_ends_when_told_with_its_position_saved(
    rig: Rig, tmp_path: Path
) -> None:
    rig.needles.append(Needles.of([Needle(('/policies/7"',))]))
    log = Log(tmp_path / "audit.log")
    log.events(10)
    process = await command(rig, tmp_path)
    await until(lambda: numbers(rig) == ["7"])
    log.events(3)
    await until(lambda: saved_offset(tmp_path) == log.path.stat().st_size)  # also behind what is of no interest
    process.terminate()
    async with asyncio.timeout(30.0):
        _, said = await process.communicate()

    assert process.returncode == 0, said
    assert b"agent stopped" in said
    assert numbers(rig) == ["7"]
    assert rig.report().needles_digest == rig.needles[-1].digest
    assert saved_offset(tmp_path) == log.path.stat().st_size
    log.close()


async def test_an_agent_ends_in_seconds_though_its_post_hangs(rig: Rig, tmp_path: Path) -> None:
    rig.intake.gate = asyncio.Event()
    log = Log(tmp_path / "audit.log")
    log.events(1)
    process = await command(rig, tmp_path)
    async with asyncio.timeout(60.0):
        await rig.intake.arrived.wait()
        process.terminate()
        await process.communicate()
    rig.intake.gate.set()
    log.close()

    assert process.returncode == 0
    assert saved_offset(tmp_path) == 0, "what was not taken is not behind the position"
