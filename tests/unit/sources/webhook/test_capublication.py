"""When the self-made CA is written to ConfigMaps, and what is said where it cannot be."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

import pytest

from auditwatch.cluster.configmaps import Kept
from auditwatch.cluster.errors import (
    ClusterError,
    ConflictError,
    ForbiddenError,
    NotFoundError,
    RequestLine,
    UnreachableError,
)
from auditwatch.sources.webhook.capublication import CAPublication, ConfigMaps, Pace, reason_of
from auditwatch.sources.webhook.plan import ConfigMapName

HERE, THERE = ConfigMapName("operator", "ca"), ConfigMapName("agents", "ca")
QUICK = Pace(look=0.01, check=3600.0, retry=0.01, longest=0.01)
LINE = RequestLine("create", "", "configmaps", "agents")


class Recorder:
    """Keeps what it is told to keep; fails while there are errors for a place."""

    def __init__(self, errors: Mapping[str, list[ClusterError]] | None = None) -> None:
        self.kept: list[tuple[str, str]] = []
        self.errors = {place: list(each) for place, each in (errors or {}).items()}

    async def keep(self, namespace: str, name: str, data: Mapping[str, str]) -> Kept:
        if waiting := self.errors.get(f"{namespace}/{name}"):
            raise waiting.pop(0)
        self.kept.append((namespace, data["ca.crt"]))
        return "Created"


class Publishing:
    """A publication that runs while the block does."""

    def __init__(self, file: Path, config_maps: ConfigMaps | None, *, pace: Pace = QUICK) -> None:
        self.time = 0.0
        self.publication = CAPublication(
            "audit", [HERE, THERE], file=file, config_maps=config_maps, monotonic=lambda: self.time, pace=pace
        )

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self.publication.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(6000):
        if holds():
            return
        await asyncio.sleep(0.005)
    pytest.fail("it never came true")


async def kept(recorder: Recorder, count: int) -> None:
    await until(lambda: len(recorder.kept) >= count)


def write(file: Path, content: str) -> None:
    file.write_text(content, encoding="ascii")


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    file = tmp_path / "ca.crt"
    write(file, "first")
    return file


async def test_the_ca_is_published_in_every_place_once(authority: Path) -> None:
    recorder = Recorder()

    async with Publishing(authority, recorder):
        await kept(recorder, 2)
        await asyncio.sleep(0.1)

    assert sorted(recorder.kept) == [("agents", "first"), ("operator", "first")]


async def test_a_ca_that_changes_is_published_again(authority: Path) -> None:
    recorder = Recorder()

    async with Publishing(authority, recorder):
        await kept(recorder, 2)
        write(authority, "second")
        await kept(recorder, 4)

    assert sorted(recorder.kept[2:]) == [("agents", "second"), ("operator", "second")]


async def test_what_was_published_is_looked_at_again_in_time(authority: Path) -> None:
    recorder = Recorder()

    async with Publishing(authority, recorder) as running:
        await kept(recorder, 2)
        running.time = QUICK.check
        await kept(recorder, 4)

    assert {content for _, content in recorder.kept} == {"first"}


async def test_a_failure_is_told_tried_again_and_holds_no_other_place_up(authority: Path) -> None:
    refused = ForbiddenError(LINE, status=403, reason="Forbidden", message="no")
    recorder = Recorder({"agents/ca": [refused] * 1_000_000})

    async with Publishing(authority, recorder) as running:
        await kept(recorder, 1)
        await until(lambda: bool(running.publication.problem))
        assert running.publication.problem == (
            "the CA is not published in ConfigMap agents/ca: not permitted: grant the operator's service account "
            "create configmaps in namespace agents"
        )
        recorder.errors.clear()
        await kept(recorder, 2)
        assert running.publication.problem == ""


async def test_without_an_api_server_that_is_said(authority: Path) -> None:
    async with Publishing(authority, None) as running:
        await until(lambda: running.publication.problem.count("there is no API server") == 2)


async def test_a_ca_that_cannot_be_read_is_published_nowhere(tmp_path: Path) -> None:
    recorder = Recorder()

    async with Publishing(tmp_path / "absent", recorder) as running:
        await asyncio.sleep(0.1)
        assert running.publication.problem == ""

    assert recorder.kept == []


def test_the_pause_doubles_up_to_its_limit() -> None:
    assert [Pace().pause(failures) for failures in (1, 2, 3, 7, 10_000)] == [5.0, 10.0, 20.0, 300.0, 300.0]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ForbiddenError(LINE, status=403), "grant the operator's service account create configmaps"),
        (NotFoundError(LINE, status=404), "there is no namespace agents: create it"),
        (ConflictError(LINE, status=409, reason="AlreadyExists"), "409 AlreadyExists"),
        (UnreachableError(LINE, "refused"), "no answer from the API server: refused"),
    ],
)
def test_a_reason_names_the_fix_where_there_is_one(error: ClusterError, said: str) -> None:
    assert said in reason_of(error, THERE)
