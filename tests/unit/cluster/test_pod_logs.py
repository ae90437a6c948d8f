"""Logs of containers against a server on loopback: what is asked, what arrives, and every way it can break off."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path

import pytest
from aiohttp import web

from auditwatch.cluster.client import Cluster
from auditwatch.cluster.errors import BadRequestError, ForbiddenError, NotFoundError, UnavailableError, UnreachableError
from auditwatch.cluster.pod_logs import LogRequest, log_lines
from auditwatch.cluster.whoami import username
from tests.unit.cluster.hostile import serving

LOG = LogRequest(namespace="kasten-io", pod="p-1", container="c")
PATIENCE = 120.0


async def stream(request: web.Request, *chunks: bytes, hang: bool = False, cut: bool = False) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    for chunk in chunks:
        await response.write(chunk)
    if hang:
        await asyncio.sleep(30)
    if cut:
        assert request.transport is not None
        request.transport.abort()
    return response


async def groups_of(
    cluster: Cluster, request: LogRequest = LOG, *, silence: float = PATIENCE, got: list[bytes] | None = None
) -> list[bytes]:
    found = [] if got is None else got
    async with aclosing(log_lines(cluster, request, silence=silence)) as groups:
        async for group in groups:
            found += group
    return found


async def test_lines_arrive_whole_however_they_were_cut(tmp_path: Path) -> None:
    long = b"t " + b"x" * (3 << 20)

    async def handler(request: web.Request) -> web.StreamResponse:
        return await stream(request, b"t one\nt t", b"wo\n" + long + b"\n", b"\nt torn")

    async with serving(handler, tmp_path) as cluster:
        assert await groups_of(cluster) == [b"t one", b"t two", long]


async def test_a_log_is_followed_with_times_from_a_whole_second_on(tmp_path: Path) -> None:
    asked: list[web.Request] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        asked.append(request)
        return await stream(request)

    request = LogRequest(namespace="kasten-io", pod="p-1", container="c", since=1_800_000_000.999)
    async with serving(handler, tmp_path) as cluster:
        await groups_of(cluster, request)

    assert asked[0].path == "/api/v1/namespaces/kasten-io/pods/p-1/log"
    assert dict(asked[0].query) == {
        "container": "c",
        "follow": "true",
        "timestamps": "true",
        "sinceTime": "2027-01-15T08:00:00Z",
    }


async def test_the_log_of_the_life_before_is_read_and_not_followed(tmp_path: Path) -> None:
    asked: list[dict[str, str]] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        asked.append(dict(request.query))
        return await stream(request)

    async with serving(handler, tmp_path) as cluster:
        await groups_of(
            cluster, LogRequest(namespace="n", pod="p", container="c", follow=False, previous=True, since=None)
        )

    assert asked == [{"container": "c", "previous": "true", "timestamps": "true"}]


async def test_an_open_log_without_a_line_says_that_it_is_open(tmp_path: Path) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return await stream(request, hang=True)

    async with serving(handler, tmp_path) as cluster:
        lines = log_lines(cluster, LOG, silence=PATIENCE)
        assert await anext(lines) == []
        await lines.aclose()


async def test_a_log_that_goes_silent_is_given_up_and_keeps_what_came(tmp_path: Path) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return await stream(request, b"t one\n", hang=True)

    got: list[bytes] = []
    async with serving(handler, tmp_path) as cluster:
        with pytest.raises(UnreachableError, match="get pods/log p-1 in namespace kasten-io"):
            await groups_of(cluster, silence=2.0, got=got)

    assert got == [b"t one"]


async def test_a_connection_cut_in_a_line_loses_that_line_only(tmp_path: Path) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"t one\n")
        await asyncio.wait_for(seen.wait(), PATIENCE)
        await response.write(b"t tw")
        assert request.transport is not None
        request.transport.abort()
        return response

    seen = asyncio.Event()
    got: list[bytes] = []
    async with serving(handler, tmp_path) as cluster:

        async def read() -> None:
            async for group in log_lines(cluster, LOG, silence=PATIENCE):
                got.extend(group)
                if got:
                    seen.set()

        with pytest.raises(UnreachableError):
            await read()

    assert got == [b"t one"]


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, BadRequestError), (403, ForbiddenError), (404, NotFoundError), (500, UnavailableError)],
)
async def test_a_refusal_is_typed_and_names_the_right(status: int, kind: type[Exception], tmp_path: Path) -> None:
    async def handler(_request: web.Request) -> web.Response:
        return web.json_response({"kind": "Status", "message": "no", "reason": "R", "code": status}, status=status)

    async with serving(handler, tmp_path) as cluster:
        with pytest.raises(kind, match=rf"get pods/log p-1 in namespace kasten-io: {status} R: no"):
            await groups_of(cluster)


async def test_we_ask_who_we_are(tmp_path: Path) -> None:
    async def handler(request: web.Request) -> web.Response:
        assert request.path == "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        return web.json_response({"status": {"userInfo": {"username": "system:serviceaccount:a:b"}}}, status=201)

    async with serving(handler, tmp_path) as cluster:
        assert await username(cluster) == "system:serviceaccount:a:b"


async def test_a_server_that_does_not_say_who_we_are_leaves_it_open(tmp_path: Path) -> None:
    async def handler(_request: web.Request) -> web.Response:
        return web.json_response({}, status=201)

    async with serving(handler, tmp_path) as cluster:
        assert await username(cluster) == ""
