"""Writes large audit logs as kube-apiserver 1.37 does at level Metadata: a busy cluster, in which K10 is a whisper.

Shapes of fields, their order and the size of lines (p50 1,190 B, p95 1,310 B) are those measured on kube-apiserver
1.37.2. Lines are made as templates whose times, ids and names are written over in place, so that a gigabyte takes
seconds. The same seed gives the same log.
"""

from __future__ import annotations

import argparse
import datetime as dt
import functools
import json
import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

BLOCK_LINES: Final = 4096
_START: Final = 1_790_000_000.0
ID, TIME, NAME = "@id@", "@time@", "@name@"
_TEMPLATE_NAME: Final = "n0000000"
_TEMPLATE_ID: Final = "0b0c3f9e-5a57-4f1c-9d3e-000000000000"
_TEMPLATE_TIME: Final = "2026-09-21T14:00:00.000000Z"

Shape = tuple[str, str, str, str, str, str]
"""Verb, group, resource, namespace, user, agent."""

_NODES: Final = tuple(f"system:node:ip-10-0-12-{number}.eu-central-1.compute.internal" for number in (34, 35))
_ARGO: Final = "system:serviceaccount:argocd:argocd-application-controller"
_SLICES: Final = "system:serviceaccount:kube-system:endpointslice-controller"
_REPLICAS: Final = "system:serviceaccount:kube-system:replicaset-controller"
_PROMETHEUS: Final = "system:serviceaccount:monitoring:prometheus"

NOISE: Final[tuple[tuple[int, Shape], ...]] = (
    (26, ("update", "coordination.k8s.io", "leases", "kube-node-lease", _NODES[0], "kubelet/v1.37.2")),
    (14, ("get", "coordination.k8s.io", "leases", "kube-system", "system:kube-scheduler", "kube-scheduler/v1.37.2")),
    (12, ("patch", "", "nodes/status", "", _NODES[0], "kubelet/v1.37.2")),
    (12, ("watch", "", "services", "monitoring", _NODES[1], "kubelet/v1.37.2")),
    (10, ("get", "", "pods", "shop", _ARGO, "argocd/v3.2")),
    (8, ("list", "batch", "jobs", "shop", "system:serviceaccount:flux-system:kustomize", "kustomize/v1.7")),
    (6, ("patch", "", "events", "shop", _REPLICAS, "kcm/v1.37.2")),
    (6, ("update", "discovery.k8s.io", "endpointslices", "web", _SLICES, "kcm/v1.37.2")),
    (4, ("create", "authentication.k8s.io", "tokenreviews", "", _PROMETHEUS, "prom/v3.8")),
    (2, ("list", "", "pods", "web", "jane@example.org", "kubectl/v1.37.2 (linux/amd64)")),
)  # fmt: skip
RELEVANT: Final[tuple[tuple[int, Shape], ...]] = (
    (5, ("get", "config.kio.kasten.io", "policies", "kasten-io", "jane@example.org", "kubectl/v1.37.2 (linux/amd64)")),
    (5, ("list", "apps.kio.kasten.io", "restorepoints", "shop", "jane@example.org", "kubectl/v1.37.2 (linux/amd64)")),
    (2, ("create", "actions.kio.kasten.io", "runactions", "kasten-io", "jane@example.org", "kubectl/v1.37.2")),
    (1, ("delete", "config.kio.kasten.io", "policies", "kasten-io", "mallory@example.org", "kubectl/v1.37.2")),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Template:
    """One line, and where in it what varies stands."""

    line: bytes
    times: tuple[int, ...]
    ids: tuple[int, ...]
    names: tuple[int, ...]


def generate(*, size: int, relevant: float, seed: int = 1) -> Iterator[bytes]:
    """Blocks of whole lines, together at least ``size`` bytes; ``relevant``: share of lines about K10, 0 to 1."""
    chosen = random.Random(seed)
    noise, kasten = _templates(NOISE), _templates(RELEVANT)
    weights = [weight for weight, _ in NOISE]
    rare = [weight for weight, _ in RELEVANT]
    written, number = 0, 0
    while written < size:
        lines = chosen.choices(noise, weights, k=BLOCK_LINES)
        for place in _places(chosen, relevant):
            lines[place] = chosen.choices(kasten, rare)[0]
        block = bytearray(b"".join(template.line for template in lines))
        position = 0
        for template in lines:
            _vary(block, position, template, number)
            position += len(template.line)
            number += 1
        written += len(block)
        yield bytes(block)


def write(path: Path, *, size: int, relevant: float, seed: int = 1) -> None:
    """A log of at least ``size`` bytes."""
    with path.open("wb") as file:
        file.writelines(generate(size=size, relevant=relevant, seed=seed))


def line(shape: Shape, name: str) -> bytes:
    """A line, without its end, of a request that happens now and is about the object of this name."""
    now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return _text(shape).replace(ID, str(uuid.uuid4())).replace(TIME, now).replace(NAME, name).encode()


@functools.cache
def _text(shape: Shape) -> str:
    return json.dumps(event(shape), separators=(",", ":"))


def _places(chosen: random.Random, share: float) -> list[int]:
    expected = share * BLOCK_LINES
    count = int(expected) + (chosen.random() < expected - int(expected))
    return chosen.sample(range(BLOCK_LINES), min(count, BLOCK_LINES))


def _vary(block: bytearray, position: int, template: _Template, number: int) -> None:
    moment = b"%06d" % (number % 1_000_000)
    second = b"%02d" % (number // 2000 % 60)
    minute = b"%02d" % (number // 120_000 % 60)
    for offset in template.times:  # 2026-09-21T14:MM:SS.uuuuuuZ
        start = position + offset
        block[start + 14 : start + 16] = minute
        block[start + 17 : start + 19] = second
        block[start + 20 : start + 26] = moment
    digits = b"%012x" % number
    for offset in template.ids:
        block[position + offset + 24 : position + offset + 36] = digits
    for offset in template.names:
        block[position + offset + 1 : position + offset + 8] = b"%07d" % (number % 10_000_000)


def _templates(shapes: tuple[tuple[int, Shape], ...]) -> list[_Template]:
    return [_template(shape) for _, shape in shapes]


def _template(shape: Shape) -> _Template:
    text = f"{_text(shape)}\n".replace(ID, _TEMPLATE_ID).replace(TIME, _TEMPLATE_TIME).replace(NAME, _TEMPLATE_NAME)
    return _Template(
        text.encode(),
        tuple(_occurrences(text, _TEMPLATE_TIME)),
        tuple(_occurrences(text, _TEMPLATE_ID)),
        tuple(_occurrences(text, _TEMPLATE_NAME)),
    )


def _occurrences(text: str, part: str) -> Iterator[int]:
    position = text.find(part)
    while position >= 0:
        yield position
        position = text.find(part, position + 1)


def event(shape: Shape) -> dict[str, Any]:
    """One event; :data:`ID`, :data:`TIME` and :data:`NAME` stand where its own go."""
    verb, group, resource, namespace, user, agent = shape
    kind, _, subresource = resource.partition("/")
    reference = {
        "resource": kind,
        "namespace": namespace,
        "name": NAME,
        "apiGroup": group,
        "apiVersion": "v1alpha1" if "kasten" in group else "v1",
        "subresource": subresource,
    }
    return {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "Metadata",
        "auditID": ID,
        "stage": "ResponseComplete",
        "requestURI": _uri(reference, verb),
        "verb": verb,
        "user": _user(user),
        "sourceIPs": ["10.0.12.34"],
        "userAgent": f"{agent} (linux/amd64) kubernetes/4ac6b1e",
        "objectRef": {name: value for name, value in reference.items() if value},
        "responseStatus": {"metadata": {}, "code": 201 if verb == "create" else 200},
        "requestReceivedTimestamp": TIME,
        "stageTimestamp": TIME,
        "annotations": {
            "authorization.k8s.io/decision": "allow",
            "authorization.k8s.io/reason": f'RBAC: allowed by ClusterRoleBinding "{user[-24:]}" of ClusterRole '
            f'"{user[-24:]}" to ServiceAccount "{user[-24:]}"',
        },
    }


def _uri(reference: dict[str, str], verb: str) -> str:
    root = f"/apis/{reference['apiGroup']}" if reference["apiGroup"] else "/api"
    scope = f"/namespaces/{reference['namespace']}" if reference["namespace"] else ""
    tail = f"/{reference['subresource']}" if reference["subresource"] else ""
    query = {
        "watch": "?allowWatchBookmarks=true&fieldSelector=metadata.name%3Dkube-root-ca.crt&resourceVersion=412903"
        "&timeout=8m12s&timeoutSeconds=492&watch=true",
        "patch": "?fieldManager=controller&force=true",
    }.get(verb, "?timeout=10s")
    return f"{root}/{reference['apiVersion']}{scope}/{reference['resource']}/{reference['name']}{tail}{query}"


def _user(name: str) -> dict[str, Any]:
    extra = {"authentication.kubernetes.io/credential-id": [f"JTI={ID}"]}
    groups = ["system:nodes", "system:authenticated"] if name.startswith("system:node:") else ["system:authenticated"]
    if name.startswith("system:serviceaccount:"):
        groups = ["system:serviceaccounts", f"system:serviceaccounts:{name.split(':')[2]}", *groups]
        extra["authentication.kubernetes.io/node-name"] = ["worker-1"]
        extra["authentication.kubernetes.io/node-uid"] = [ID]
        extra["authentication.kubernetes.io/pod-name"] = [f"{name.split(':')[3]}-6d4b75cb6d-x2lzq"]
        extra["authentication.kubernetes.io/pod-uid"] = [ID]
    return {"username": name, "uid": ID, "groups": groups, "extra": extra}


def main() -> None:
    """``python -m tests.benchmarks.auditlog FILE --size 1e9 --relevant 0.001``."""
    parser = argparse.ArgumentParser(description="Write a generated audit log.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--size", type=float, default=1e9, help="bytes")
    parser.add_argument("--relevant", type=float, default=0.001, help="share of lines about K10, 0 to 1")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    write(given.file, size=int(given.size), relevant=given.relevant, seed=given.seed)


if __name__ == "__main__":
    main()
