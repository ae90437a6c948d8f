"""Requests as an API server logs them, each about an object of its own, and how often each must be counted."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tests.benchmarks.auditlog import NOISE, line

NAMESPACES: Final = 20
EVENT_HEAD: Final = b'{"kind":"Event","apiVersion":"audit.k8s.io/v1",'
"""Begins a line of a log; an item of an EventList begins without it."""
_AGENT: Final = "kubectl/v1.37.2 (linux/amd64)"
_KINDS: Final = (
    ("restorepoints", "apps.kio.kasten.io", "delete"),
    ("exportactions", "actions.kio.kasten.io", "create"),
    ("secrets", "", "get"),
)
"""The first is watched as well, so that its requests wait for a change that never comes; the others are not."""

Group = tuple[str, str]
"""Rule and namespace: what one finding counts."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request that a rule matches. ``line``: as it stands in a log, without its end."""

    group: Group
    name: str
    line: bytes


def rules() -> list[dict[str, Any]]:
    """One per kind; a finding counts all of a namespace."""
    return [
        {
            "name": resource,
            "severity": "High",
            "match": {"apiGroups": [group], "resources": [resource], "verbs": [verb]},
            "finding": {"groupBy": ["target.namespace"]},
        }
        for resource, group, verb in _KINDS
    ]


def requests() -> Iterator[Request]:
    """Without end, dealt out to kinds and namespaces in turn; each happens when it is asked for."""
    for number in itertools.count():
        resource, group, verb = _KINDS[number % len(_KINDS)]
        namespace, name = f"app-{number % NAMESPACES:02d}", f"t{number:07d}"
        shape = (verb, group, resource, namespace, "mallory@example.org", _AGENT)
        yield Request((resource, namespace), name, line(shape, name))


def noise() -> Iterator[bytes]:
    """Lines that no rule is about, without end."""
    for number, (_, shape) in enumerate(itertools.cycle(NOISE)):
        yield line(shape, f"n{number:07d}")


def item(logged: bytes) -> bytes:
    """The same event as it stands in an EventList."""
    return b"{" + logged.removeprefix(EVENT_HEAD)


def event_list(items: Sequence[bytes]) -> bytes:
    """A body as an API server posts it."""
    head = b'{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":['
    return head + b",".join(items) + b"]}\n"


def expected(made: Sequence[Request]) -> Counter[Group]:
    """What findings must have counted."""
    return Counter(request.group for request in made)
