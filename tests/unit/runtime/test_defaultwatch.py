"""The AuditWatch of the installation: made where there is none, left alone where it is, no hindrance where refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from auditwatch.cluster.errors import (
    ApiError,
    BadRequestError,
    ClusterError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    RequestLine,
    TooManyRequestsError,
    UnauthorizedError,
    UnavailableError,
    UnreachableError,
)
from auditwatch.runtime.defaultwatch import MARK, digest, is_due, manifest, may_pass
from auditwatch.runtime.settings import DefaultWatchSection
from tests.unit.runtime.apiserver import WATCHES, ApiServer, api_server
from tests.unit.runtime.operating_rig import Life, living

LINE = RequestLine("patch", "k10auditwatch.io", "auditwatches", "k10-auditwatch", "k10")
PLACE = WATCHES.replace("/auditwatches", "/namespaces/k10-auditwatch/auditwatches/k10")
WANTED = DefaultWatchSection(field_manager="helm", labels={"a": "b"}, spec={"timeZone": "Europe/Paris"})
MISSING = "auditwatch_default_watch_missing"


@pytest.fixture
async def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ApiServer]:
    monkeypatch.setattr("auditwatch.runtime.operating.RETRY_SECONDS", 0.02)
    async with api_server(tmp_path) as started:
        yield started


def existing(server: ApiServer, **spec: object) -> None:
    """Somebody has made it."""
    metadata = {"name": "k10", "namespace": "k10-auditwatch", "uid": "u1", "generation": 1}
    body = {"apiVersion": "k10auditwatch.io/v1alpha1", "kind": "AuditWatch", "metadata": metadata, "spec": spec}
    server.items[WATCHES] = [server.put(PLACE, body)]


async def missing(life: Life) -> str:
    """What its metric says."""
    lines = (await life.page("/metrics"))[1].splitlines()
    return next(line.removeprefix(f"{MISSING} ") for line in lines if line.startswith(f"{MISSING} "))


@pytest.mark.parametrize("kind", [NotFoundError, UnauthorizedError, TooManyRequestsError, UnavailableError])
def test_what_a_server_may_say_while_it_is_not_ready_is_waited_out(kind: type[ApiError]) -> None:
    assert may_pass(kind(LINE, status=0))
    assert may_pass(UnreachableError(LINE, "refused"))
    assert may_pass(ClusterError("anything that keeps us from an answer"))


@pytest.mark.parametrize("kind", [InvalidError, ForbiddenError, BadRequestError, ApiError])
def test_what_a_server_has_judged_stays_refused(kind: type[ApiError]) -> None:
    assert not may_pass(kind(LINE, status=0))


def test_what_is_applied_says_what_the_installer_said_and_nothing_else() -> None:
    assert manifest(DefaultWatchSection(), namespace="ours") == {
        "apiVersion": "k10auditwatch.io/v1alpha1",
        "kind": "AuditWatch",
        "metadata": {"name": "k10", "namespace": "ours", "annotations": {MARK: digest(DefaultWatchSection())}},
        "spec": {},
    }
    whole = DefaultWatchSection(name="n", labels={"a": "b"}, annotations={"c": "d"}, spec={"paused": True})
    marks = {"labels": {"a": "b"}, "annotations": {"c": "d", MARK: digest(whole)}}
    assert manifest(whole, namespace="ours")["metadata"] == {"name": "n", "namespace": "ours", **marks}
    assert manifest(whole, namespace="ours")["spec"] == {"paused": True}


def test_it_is_due_where_there_is_none_or_where_it_was_made_here_of_another_spec() -> None:
    def made(**annotations: str) -> dict[str, object]:
        return {"metadata": {"name": "k10", "annotations": annotations}, "spec": {"timeZone": "Asia/Tokyo"}}

    assert is_due(None, WANTED)
    assert is_due(made(**{MARK: digest(DefaultWatchSection())}), WANTED)
    assert not is_due(made(**{MARK: digest(WANTED)}), WANTED), "what a person edited since stays"
    assert not is_due(made(other="x"), WANTED), "a person made it, or Helm took it over"
    assert not is_due({"metadata": {"name": "k10"}}, WANTED)


def test_the_digest_is_of_what_the_spec_says_and_not_of_how_it_is_written() -> None:
    one = DefaultWatchSection(spec={"paused": True, "timeZone": "UTC"})
    other = DefaultWatchSection(name="n", labels={"a": "b"}, spec={"timeZone": "UTC", "paused": True})
    assert digest(one) == digest(other) != digest(WANTED)


async def test_where_there_is_none_it_is_applied_before_watches_are_read(server: ApiServer, tmp_path: Path) -> None:
    async with living(server, tmp_path, default_watch=WANTED) as life:
        await life.ready()
    asked = [(each.method, each.path) for each in server.asked]
    [applied] = [each for each in server.asked if (each.method, each.path) == ("PATCH", PLACE)]

    assert applied.query == {"fieldManager": "helm"}
    assert server.objects[PLACE]["spec"] == {"timeZone": "Europe/Paris"}
    assert asked.index(("GET", PLACE)) < asked.index(("PATCH", PLACE)) < asked.index(("GET", WATCHES))


async def test_one_that_is_there_is_left_alone_whatever_it_says(server: ApiServer, tmp_path: Path) -> None:
    existing(server, paused=True)
    async with living(server, tmp_path, default_watch=WANTED) as life:
        await life.ready()

        assert await missing(life) == "0.0"
    assert PLACE not in server.paths("PATCH")
    assert server.objects[PLACE]["spec"] == {"paused": True}


async def test_where_none_is_wanted_nobody_asks_for_it(server: ApiServer, tmp_path: Path) -> None:
    async with living(server, tmp_path) as life:
        await life.ready()

        assert await missing(life) == "0.0"
    assert not any(PLACE in each.path for each in server.asked)


@pytest.mark.parametrize("status", [404, 429, 503])
async def test_a_kind_that_is_not_served_yet_is_waited_for_and_the_probe_says_so(
    server: ApiServer, tmp_path: Path, status: int
) -> None:
    server.refused[PLACE] = status
    async with living(server, tmp_path, default_watch=WANTED) as life:
        await life.says(f"cannot make AuditWatch k10: {'patch' if status == 404 else 'get'} auditwatches")
        assert str(status) in (await life.page("/readyz"))[1]
        server.refused.clear()
        await life.ready()
    assert server.objects[PLACE]["spec"] == {"timeZone": "Europe/Paris"}


async def test_it_can_be_stopped_while_the_kind_is_not_served(server: ApiServer, tmp_path: Path) -> None:
    server.refused[PLACE] = 404
    async with living(server, tmp_path, default_watch=WANTED) as life:
        await life.says("cannot make AuditWatch k10")

        assert await life.stopped() == 0


@pytest.mark.parametrize("status", [400, 403, 422])
async def test_one_that_is_refused_is_told_and_stops_nothing(
    server: ApiServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], status: int
) -> None:
    server.refused[PLACE] = status
    async with living(server, tmp_path, default_watch=WANTED) as life:
        await life.ready()

        assert await missing(life) == "1.0"
    assert f"{status} Test: as told" in next(
        line for line in capsys.readouterr().out.splitlines() if "default AuditWatch refused" in line
    )


async def test_one_that_somebody_else_made_in_between_is_theirs(server: ApiServer, tmp_path: Path) -> None:
    server.refused[PLACE] = 409
    async with living(server, tmp_path, default_watch=WANTED) as life:
        await life.ready()
