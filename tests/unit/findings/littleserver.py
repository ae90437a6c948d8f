"""An API server of a few lines, on loopback, for what a healthy one never does when a test asks: fail, wait, refuse.

It keeps objects, merges patches and counts generations as the real one does; that the real one agrees is tested in
tests/integration.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from aiohttp import web

Refusal = Callable[[web.Request], web.Response | None]


def refused(status: int, reason: str = "", **headers: str) -> web.Response:
    """An answer that is not success."""
    body = {"kind": "Status", "status": "Failure", "code": status, "reason": reason, "message": f"{reason} in a test"}
    return web.json_response(
        body, status=status, headers={key.replace("_", "-"): value for key, value in headers.items()}
    )


def merged(old: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    result = dict(old) if isinstance(old, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


class LittleServer:
    """``handle`` goes to ``tests.unit.cluster.hostile.serving``; ``refusal`` may answer instead of it."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        """By path, without ``/status``."""
        self.requests: list[str] = []
        """``METHOD path`` of everything that was asked, refusals among them."""
        self.refusal: Refusal = lambda _: None

    def under(self, resource: str) -> list[dict[str, Any]]:
        """Every object of a resource, in order of creation."""
        return [body for path, body in self.objects.items() if f"/{resource}/" in path]

    def asked(self, method: str, part: str) -> int:
        """How many requests of this method held this text in their path."""
        return sum(1 for line in self.requests if line.startswith(method) and part in line)

    def triage(self, name: str, **triage: Any) -> None:
        """People write triage."""
        (found,) = [body for path, body in self.objects.items() if path.endswith(f"/{name}")]
        found["triage"] = {**found.get("triage", {}), **triage}
        found["metadata"]["generation"] += 1

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one request."""
        self.requests.append(f"{request.method} {request.path}")
        refusal = self.refusal(request)
        if refusal is not None:
            return refusal
        body = json.loads(await request.read() or b"{}")
        if request.method == "POST":
            return self._create(request.path, body)
        if isinstance(body, list):
            return self._replace(request.path, body)
        if request.method == "PATCH":
            return self._patch(request.path, body)
        return self._list(request.path)

    def _create(self, path: str, body: dict[str, Any]) -> web.Response:
        place = f"{path}/{body['metadata']['name']}"
        if place in self.objects:
            return refused(409, "AlreadyExists")
        meta = {**body["metadata"], "uid": f"uid-{len(self.objects)}", "generation": 1}
        self.objects[place] = {**body, "metadata": meta}
        self.objects[place].pop("status", None)
        return web.json_response(self.objects[place], status=201)

    def _patch(self, path: str, patch: dict[str, Any]) -> web.Response:
        place = path.removesuffix("/status")
        if place not in self.objects:
            return refused(404, "NotFound")
        self.objects[place] = merged(self.objects[place], patch)
        return web.json_response(self.objects[place])

    def _replace(self, path: str, operations: list[dict[str, Any]]) -> web.Response:
        """A JSON patch that puts fields of the object in the place of what they were."""
        place = path.removesuffix("/status")
        if place not in self.objects:
            return refused(404, "NotFound")
        for each in operations:
            self.objects[place] = {**self.objects[place], each["path"].removeprefix("/"): each["value"]}
        return web.json_response(self.objects[place])

    def _list(self, path: str) -> web.Response:
        items = [body for place, body in self.objects.items() if place.startswith(path + "/")]
        return web.json_response({"metadata": {"resourceVersion": "1"}, "items": items})
