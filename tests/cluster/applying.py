"""Server-side apply without kubectl: dozens of manifests over one connection, in a fraction of a second.

What tests put up as a stage goes this way; what a person or an intruder does goes through the real kubectl.
"""

import http.client
import json
import ssl
from collections.abc import Iterable, Mapping
from typing import Any, Self
from urllib.parse import quote, urlencode

import yaml

from tests.cluster.errors import ClusterError

SECONDS = 300.0
FOUND, CREATED = 200, 201


class Applier:
    """Applies objects as one user, with one field manager: `with Applier(port=…, tls=…) as applier:`."""

    def __init__(self, *, port: int, tls: ssl.SSLContext, manager: str = "kubectl") -> None:
        self._connection = http.client.HTTPSConnection("127.0.0.1", port, context=tls, timeout=SECONDS)
        self._manager = manager
        self._resources: dict[str, Mapping[str, Mapping[str, Any]]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def apply(self, objects: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The objects as stored; ClusterError with the server's words when it refuses one."""
        return [self._apply(each) for each in flattened(objects)]

    def _apply(self, manifest: Mapping[str, Any]) -> dict[str, Any]:
        options = urlencode({"fieldManager": self._manager, "force": "true"})
        status, body = self._request("PATCH", f"{self._path(manifest)}?{options}", json.dumps(manifest))
        if status not in {FOUND, CREATED}:
            raise ClusterError(
                f"{manifest['kind']} {manifest['metadata']['name']}: {status} {body.get('message', body)}"
            )
        return body

    def _path(self, manifest: Mapping[str, Any]) -> str:
        version, kind, metadata = manifest["apiVersion"], manifest["kind"], manifest["metadata"]
        resource = self._resources_of(version).get(kind)
        if resource is None:
            raise ClusterError(f"the server does not know {kind} of {version}")
        inside = f"/namespaces/{metadata.get('namespace', 'default')}" if resource["namespaced"] else ""
        return f"{root(version)}{inside}/{resource['name']}/{quote(metadata['name'], safe='')}"

    def _resources_of(self, version: str) -> Mapping[str, Mapping[str, Any]]:
        if version not in self._resources:
            status, body = self._request("GET", root(version))
            if status != FOUND:
                raise ClusterError(f"the server does not serve {version}: {status}")
            self._resources[version] = {each["kind"]: each for each in body["resources"] if "/" not in each["name"]}
        return self._resources[version]

    def _request(self, method: str, path: str, body: str | None = None) -> tuple[int, dict[str, Any]]:
        headers = {} if body is None else {"Content-Type": "application/apply-patch+yaml"}
        self._connection.request(method, path, body=body, headers=headers)
        answer = self._connection.getresponse()
        return answer.status, json.loads(answer.read())


def root(version: str) -> str:
    """Where the API server serves an apiVersion."""
    return f"/apis/{version}" if "/" in version else f"/api/{version}"


def documents(manifest: str) -> list[Mapping[str, Any]]:
    """The objects of a YAML (or JSON) stream."""
    return [document for document in yaml.load_all(manifest, Loader=yaml.CSafeLoader) if document]


def flattened(objects: Iterable[Mapping[str, Any]]) -> Iterable[Mapping[str, Any]]:
    """Objects with the items of Lists in place of the Lists."""
    for each in objects:
        if each["kind"] == "List":
            yield from flattened(each["items"])
        else:
            yield each
