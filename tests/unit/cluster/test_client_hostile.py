"""The client against servers that misbehave: long lines, silence, broken answers, refusals of every kind."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path

import pytest
from aiohttp import web

from auditwatch import __version__
from auditwatch.cluster.client import Cluster, Timeouts
from auditwatch.cluster.errors import ConfigurationError, GoneError, TooManyRequestsError, UnreachableError
from auditwatch.cluster.requests import Resource
from tests.unit.cluster.hostile import kubeconfig, serving

POLICIES = Resource("config.kio.kasten.io", "v1alpha1", "policies")
LONG_LINE = b'{"type":"ADDED","object":{"a":"' + b"x" * (8 << 20) + b'"}}'


async def stream(request: web.Request, *chunks: bytes, hang: bool = False) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    for chunk in chunks:
        await response.write(chunk)
    if hang:
        await asyncio.sleep(30)
    return response


async def lines_of(cluster: Cluster) -> list[bytes]:
    async with aclosing(cluster.watch(POLICIES, resource_version="7")) as groups:
        return [line async for group in groups for line in group]


async def test_a_watch_line_of_eight_megabytes_arrives_whole(tmp_path: Path) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return await stream(request, LONG_LINE + b"\n", b'{"type":"BOOK', b'MARK"}\n')

    async with serving(handler, tmp_path) as cluster:
        assert await lines_of(cluster) == [LONG_LINE, b'{"type":"BOOKMARK"}']


async def test_a_watch_asks_for_bookmarks_from_its_version(tmp_path: Path) -> None:
    asked: list[web.Request] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        asked.append(request)
        return await stream(request)

    async with serving(handler, tmp_path) as cluster:
        await lines_of(cluster)

    [request] = asked
    assert request.path == "/apis/config.kio.kasten.io/v1alpha1/policies"
    assert dict(request.query) == {
        "watch": "true",
        "allowWatchBookmarks": "true",
        "resourceVersion": "7",
        "timeoutSeconds": "240",
    }
    assert request.headers["User-Agent"] == f"auditwatch/{__version__}"
    assert request.headers["Authorization"] == "Bearer token-of-a-test"


async def test_a_watch_that_goes_silent_is_given_up(tmp_path: Path) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return await stream(request, b'{"type":"ADDED"}\n', hang=True)

    async with serving(handler, tmp_path, timeouts=Timeouts(silence=5)) as cluster:
        groups = cluster.watch(POLICIES, resource_version="7")
        got = [await anext(groups), await anext(groups)]
        with pytest.raises(UnreachableError, match="watch policies"):
            await anext(groups)

    assert got == [[], [b'{"type":"ADDED"}']]


async def test_events_before_an_error_event_are_not_lost(tmp_path: Path) -> None:
    error = b'{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}}\n'

    async def handler(request: web.Request) -> web.StreamResponse:
        return await stream(request, b'{"type":"ADDED"}\n' + error)

    got = []
    async with serving(handler, tmp_path) as cluster:
        groups = cluster.watch(POLICIES, resource_version="7")
        got += await anext(groups)
        got += await anext(groups)
        with pytest.raises(GoneError, match="too old"):
            await anext(groups)

    assert got == [b'{"type":"ADDED"}']


async def test_a_watch_cut_off_in_a_line_keeps_the_whole_lines_only(tmp_path: Path) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = await stream(request, b'{"type":"ADDED"}\n{"type":"MODI')
        assert request.transport is not None
        request.transport.abort()
        return response

    got: list[bytes] = []
    async with serving(handler, tmp_path) as cluster:

        async def read() -> None:
            async for group in cluster.watch(POLICIES, resource_version="7"):
                got.extend(group)

        with pytest.raises(UnreachableError):
            await read()

    assert got in ([], [b'{"type":"ADDED"}'])


async def test_nobody_listening_is_unreachable_and_names_the_request(tmp_path: Path) -> None:
    async with await Cluster.connect(kubeconfig=kubeconfig(tmp_path, 1)) as cluster:
        with pytest.raises(UnreachableError, match=r"get policies\.config\.kio\.kasten\.io x: no answer"):
            await cluster.get(POLICIES, "x")


async def test_a_request_without_an_answer_ends(tmp_path: Path) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return await stream(request, b"{", hang=True)

    async with serving(handler, tmp_path, timeouts=Timeouts(request=2)) as cluster:
        with pytest.raises(UnreachableError):
            await cluster.get(POLICIES, "x")


async def test_too_many_requests_carries_the_time_to_wait(tmp_path: Path) -> None:
    async def handler(_request: web.Request) -> web.Response:
        return web.Response(status=429, headers={"Retry-After": "3"}, text="slow down")

    async with serving(handler, tmp_path) as cluster:
        with pytest.raises(TooManyRequestsError) as caught:
            await cluster.list(POLICIES)

    assert (caught.value.retry_after, caught.value.message) == (3.0, "slow down")


async def test_a_login_page_instead_of_a_list_is_unreachable(tmp_path: Path) -> None:
    async def handler(_request: web.Request) -> web.Response:
        return web.Response(text="<html>please log in</html>")

    async with serving(handler, tmp_path) as cluster:
        with pytest.raises(UnreachableError, match="not a list"):
            await cluster.list(POLICIES)
        with pytest.raises(UnreachableError, match="not a JSON object"):
            await cluster.get(POLICIES, "x")


async def test_pages_are_read_on_until_the_token_ends(tmp_path: Path) -> None:
    asked: list[dict[str, str]] = []

    async def handler(request: web.Request) -> web.Response:
        asked.append(dict(request.query))
        token = "" if request.query.get("continue") else "next"
        return web.json_response({"metadata": {"resourceVersion": "9", "continue": token}, "items": [{"n": token}]})

    async with serving(handler, tmp_path) as cluster:
        assert await cluster.list(POLICIES, query={"labelSelector": "a=b"}) == [{"n": "next"}, {"n": ""}]

    assert asked == [
        {"labelSelector": "a=b", "limit": "500"},
        {"labelSelector": "a=b", "limit": "500", "continue": "next"},
    ]


async def test_a_patch_is_a_merge_patch_unless_told_otherwise(tmp_path: Path) -> None:
    types: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        types.append(request.headers["Content-Type"])
        return web.json_response({})

    async with serving(handler, tmp_path) as cluster:
        await cluster.patch(POLICIES, "x", {"spec": {}})
        await cluster.patch(POLICIES, "x", [{"op": "remove", "path": "/a"}], content_type="application/json-patch+json")

    assert types == ["application/merge-patch+json", "application/json-patch+json"]


async def test_a_missing_kubeconfig_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no such kubeconfig; give --kubeconfig"):
        await Cluster.connect(kubeconfig=tmp_path / "nowhere")


@pytest.mark.parametrize("text", ["", "[]", "{", "kind: Config", "apiVersion: v1\nclusters: 3\ncontexts: 4"])
async def test_a_file_that_is_no_kubeconfig_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "broken"
    path.write_text(text)

    with pytest.raises(ConfigurationError, match=r"broken: not a usable kubeconfig"):
        await Cluster.connect(kubeconfig=path)
