"""The one way to an API server: the official asyncio client's authentication and TLS, raw JSON in and out.

Its typed models cost memory and cannot hold K10's kinds; its verbs default to the wrong patch. So requests are built
as data (``requests.py``), sent here, and answered as bytes or decoded JSON; what is refused becomes a typed error
(``errors.py``). A :class:`Cluster` belongs to the event loop that opened it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self

import aiohttp
import msgspec
from kubernetes.aio.client.api_client import ApiClient

from auditwatch import __version__
from auditwatch.cluster import credentials
from auditwatch.cluster.connections import Connections
from auditwatch.cluster.errors import ConfigurationError, RequestLine, UnreachableError
from auditwatch.cluster.framing import LineSplitter, Page, decode_page, is_error_event
from auditwatch.cluster.requests import Query, Resource, error_of, error_of_event, query_string

USER_AGENT = f"auditwatch/{__version__}"
PAGE_LIMIT: Final = 500
MERGE_PATCH: Final = "application/merge-patch+json"
JSON_PATCH: Final = "application/json-patch+json"
APPLY_PATCH: Final = "application/apply-patch+yaml"
PatchType = Literal["application/merge-patch+json", "application/json-patch+json", "application/apply-patch+yaml"]
JSONObject = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds. ``silence`` ends a watch on which nothing came: ask for shorter ones, for quiet kinds send nothing."""

    connect: float = 10.0
    request: float = 60.0
    silence: float = 70.0


class Cluster:
    """Requests to one API server.

    ``async with await Cluster.connect(...) as cluster`` closes its connections in the end. Every method raises the
    errors of ``cluster/errors.py`` and nothing else; none retries: callers decide that.
    """

    def __init__(
        self,
        client: Any,
        connections: Connections,
        *,
        timeouts: Timeouts,
        refresh: asyncio.Task[None],
        is_service_account: bool,
    ) -> None:
        self._client = client
        self._connections = connections
        self._is_service_account = is_service_account
        self._timeouts = timeouts
        self._refresh = refresh

    @classmethod
    async def connect(
        cls,
        *,
        kubeconfig: Path | None = None,
        context: str | None = None,
        user_agent: str = USER_AGENT,
        timeouts: Timeouts | None = None,
    ) -> Self:
        """Load credentials for this event loop; no request is sent yet. Raises :class:`ConfigurationError`."""
        configuration, refresh = await credentials.load(kubeconfig=kubeconfig, context=context)
        try:
            client = ApiClient(configuration)
        except (OSError, ValueError) as error:  # TLS takes the files apart only now
            raise ConfigurationError(f"the certificates or the key cannot be used: {_cause(error)}") from error
        client.user_agent = user_agent
        connections = Connections(limit=client.rest_client.maxsize, ssl=client.rest_client.ssl_context)
        configuration.client_session_kwargs = {"connector": connections}
        return cls(
            client,
            connections,
            timeouts=timeouts or Timeouts(),
            refresh=asyncio.create_task(refresh()),
            is_service_account=kubeconfig is None and context is None and credentials.in_pod(),
        )

    def connection(self) -> credentials.Connection:
        """Where and as whom, for kopf, which brings its own client."""
        return credentials.connection_of(self._client.configuration, is_service_account=self._is_service_account)

    async def close(self) -> None:
        """Close all connections; running requests fail."""
        self._refresh.cancel()
        try:  # not awaited itself: an end of the task that closes would be taken for its
            await asyncio.gather(self._refresh, return_exceptions=True)
        finally:
            await self._client.close()
            await self._connections.end()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    # One object

    async def get(
        self, resource: Resource, name: str, *, namespace: str = "", subresource: str = "", query: Query | None = None
    ) -> JSONObject:
        """Read one object."""
        line = resource.line("get", namespace=namespace, name=name, subresource=subresource)
        path = resource.path(namespace=namespace, name=name, subresource=subresource) + query_string(query or {})
        return _decoded(line, await self._exchange("GET", path, line))

    async def create(
        self,
        resource: Resource,
        body: Mapping[str, Any],
        *,
        namespace: str = "",
        name: str = "",
        subresource: str = "",
        query: Query | None = None,
    ) -> JSONObject:
        """POST an object (``name`` only with a ``subresource``). 409 is :class:`ConflictError`: the name is taken."""
        line = resource.line("create", namespace=namespace, name=name, subresource=subresource)
        path = resource.path(namespace=namespace, name=name, subresource=subresource)
        return _decoded(line, await self._exchange("POST", path + query_string(query or {}), line, body=body))

    async def replace(
        self, resource: Resource, name: str, body: Mapping[str, Any], *, namespace: str = "", subresource: str = ""
    ) -> JSONObject:
        """PUT an object. With ``metadata.resourceVersion`` in it a write in between is :class:`ConflictError`."""
        line = resource.line("update", namespace=namespace, name=name, subresource=subresource)
        path = resource.path(namespace=namespace, name=name, subresource=subresource)
        return _decoded(line, await self._exchange("PUT", path, line, body=body))

    async def patch(
        self,
        resource: Resource,
        name: str,
        body: Mapping[str, Any] | list[Any],
        *,
        namespace: str = "",
        subresource: str = "",
        content_type: PatchType = MERGE_PATCH,
        query: Query | None = None,
    ) -> JSONObject:
        """Patch an object, by default as a merge patch; ``fieldManager`` and ``force`` go into ``query``."""
        line = resource.line("patch", namespace=namespace, name=name, subresource=subresource)
        path = resource.path(namespace=namespace, name=name, subresource=subresource) + query_string(query or {})
        return _decoded(line, await self._exchange("PATCH", path, line, body=body, content_type=content_type))

    async def delete(
        self, resource: Resource, name: str, *, namespace: str = "", uid: str = "", query: Query | None = None
    ) -> None:
        """Delete an object; with ``uid`` only that one, not a later one of the same name (:class:`ConflictError`)."""
        line = resource.line("delete", namespace=namespace, name=name)
        body: JSONObject = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
        if uid:
            body["preconditions"] = {"uid": uid}
        path = resource.path(namespace=namespace, name=name) + query_string(query or {})
        await self._exchange("DELETE", path, line, body=body)

    # Many objects

    async def list_pages(
        self, resource: Resource, *, namespace: str = "", limit: int = PAGE_LIMIT, query: Query | None = None
    ) -> AsyncGenerator[Page, None]:
        """A consistent list in pages; all pages carry the resourceVersion a watch can start from.

        :class:`GoneError` in the middle says that the server dropped the snapshot: start over.
        """
        line = resource.line("list", namespace=namespace)
        token = ""
        while True:
            asked = {**(query or {}), "limit": limit, "continue": token}
            path = resource.path(namespace=namespace) + query_string(asked)
            page = _page(line, await self._exchange("GET", path, line))
            yield page
            token = page.continue_token
            if not token:
                return

    async def watch(
        self,
        resource: Resource,
        *,
        resource_version: str,
        namespace: str = "",
        timeout_seconds: int = 240,
        query: Query | None = None,
    ) -> AsyncGenerator[list[bytes], None]:
        """Watch events as raw lines, in groups that arrived together; bookmarks are on.

        Ends when the server ends it (after ``timeout_seconds``). An ``ERROR`` event is raised as what it stands for
        (:class:`GoneError`), a stream silent for ``Timeouts.silence`` as :class:`UnreachableError`. An empty group
        is yielded first, once the server has accepted.
        """
        line = resource.line("watch", namespace=namespace)
        asked = {
            **(query or {}),
            "watch": True,
            "allowWatchBookmarks": True,
            "resourceVersion": resource_version,
            "timeoutSeconds": timeout_seconds,
        }
        path = resource.path(namespace=namespace) + query_string(asked)
        response = await self._send("GET", path, line, limits=self._watch_limits())
        splitter = LineSplitter()
        try:
            yield []
            async for chunk in _chunks(line, response):
                lines = list(splitter.feed(chunk))
                for index, event in enumerate(lines):
                    if is_error_event(event):
                        yield lines[:index]
                        raise error_of_event(line, event)
                yield lines
        finally:
            response.close()

    # Everything else

    async def stream(self, path: str, line: RequestLine, *, silence: float) -> AsyncGenerator[bytes, None]:
        """GET what goes on and on (a log), as it arrives; ``silence`` seconds without a byte end it with an error.

        An empty piece is yielded first, once the server has accepted. Ends when the server ends it.
        """
        limits = aiohttp.ClientTimeout(total=None, sock_connect=self._timeouts.connect, sock_read=silence)
        response = await self._send("GET", path, line, limits=limits)
        try:
            yield b""
            async for chunk in _chunks(line, response):
                yield chunk
        finally:
            response.close()

    async def get_path(self, path: str) -> bytes:
        """GET a path that is no resource (``/version``, ``/readyz``)."""
        return await self._exchange("GET", path, RequestLine("get", "", path))

    async def get_path_and_date(self, path: str) -> tuple[bytes, str]:
        """GET a path that is no resource, and the server's clock as its header ``Date`` tells it (empty: not told)."""
        line = RequestLine("get", "", path)
        limits = aiohttp.ClientTimeout(total=self._timeouts.request, sock_connect=self._timeouts.connect)
        response = await self._send("GET", path, line, limits=limits)
        return await _read(line, response), response.headers.get("Date", "")

    async def _exchange(
        self, method: str, path: str, line: RequestLine, *, body: Any = None, content_type: str = "application/json"
    ) -> bytes:
        limits = aiohttp.ClientTimeout(total=self._timeouts.request, sock_connect=self._timeouts.connect)
        response = await self._send(method, path, line, limits=limits, body=body, content_type=content_type)
        return await _read(line, response)

    def _watch_limits(self) -> aiohttp.ClientTimeout:
        return aiohttp.ClientTimeout(total=None, sock_connect=self._timeouts.connect, sock_read=self._timeouts.silence)

    async def _send(
        self,
        method: str,
        path: str,
        line: RequestLine,
        *,
        limits: aiohttp.ClientTimeout,
        body: Any = None,
        content_type: str = "application/json",
    ) -> aiohttp.ClientResponse:
        """The response of a request that succeeded, its body unread."""
        headers = {**self._client.default_headers, "Accept": "application/json", "Content-Type": content_type}
        await self._client.update_params_for_auth(headers, [], ["BearerToken"], path, method, body)
        url = self._client.configuration.host + path
        try:
            answer = await self._client.rest_client.request(
                method, url, headers=headers, body=body, _request_timeout=limits
            )
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise UnreachableError(line, _cause(error)) from error
        response: aiohttp.ClientResponse = answer.response
        if response.status >= 300:
            refusal = await _read(line, response)
            raise error_of(line, status=response.status, body=refusal, retry_after=response.headers.get("Retry-After"))
        return response

    async def list(self, resource: Resource, *, namespace: str = "", query: Query | None = None) -> list[JSONObject]:
        """Every object, decoded. For kinds of which there are few; the others are read page by page."""
        line = resource.line("list", namespace=namespace)
        pages = self.list_pages(resource, namespace=namespace, query=query)
        return [_decoded(line, item) async for page in pages for item in page.items]


async def _read(line: RequestLine, response: aiohttp.ClientResponse) -> bytes:
    try:
        return await response.read()
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise UnreachableError(line, _cause(error)) from error


async def _chunks(line: RequestLine, response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """Whatever has arrived, without waiting for a line to be whole."""
    try:
        async for chunk in response.content.iter_any():
            yield chunk
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise UnreachableError(line, _cause(error)) from error


def _cause(error: BaseException) -> str:
    return str(error) or type(error).__name__


def _page(line: RequestLine, body: bytes) -> Page:
    try:
        return decode_page(body)
    except ValueError as error:
        raise UnreachableError(line, f"the answer is not a list: {error}") from error


def _decoded(line: RequestLine, body: bytes) -> JSONObject:
    try:
        return msgspec.json.decode(body, type=JSONObject)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise UnreachableError(line, f"the answer is not a JSON object: {error}") from error
