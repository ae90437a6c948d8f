"""Audit events of real shapes in which any part may be anything: what a client sends need not be what K10 expects.

The API server writes a body into its log before it judges it, so a refused request can hold whatever JSON can.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any, Final

from .making import event

POLICY: Final[dict[str, Any]] = {
    "apiVersion": "config.kio.kasten.io/v1alpha1",
    "kind": "Policy",
    "metadata": {
        "name": "daily",
        "namespace": "kasten-io",
        "uid": "uid-daily",
        "resourceVersion": "5",
        "labels": {"team": "shop"},
        "managedFields": [{"manager": "kubectl", "operation": "Apply", "time": "2026-01-01T00:00:00Z"}],
    },
    "spec": {
        "paused": False,
        "frequency": "@daily",
        "retention": {"daily": 7},
        "presetRef": {"name": "gold", "namespace": "kasten-io"},
        "actions": [
            {"action": "backup", "backupParameters": {"filters": {"includeResources": [{"resource": "pods"}]}}},
            {"action": "export", "exportParameters": {"profile": {"name": "s3"}}, "retention": {"daily": 3}},
        ],
    },
}
MERGE_PATCH: Final = {"spec": {"paused": True, "retention": {"daily": 0}, "actions": [{"action": "backup"}]}}
JSON_PATCH: Final = [
    {"op": "replace", "path": "/spec/paused", "value": True},
    {"op": "move", "from": "/spec/actions/0", "path": "/spec/actions/1"},
    {"op": "add", "path": "/spec/actions/-", "value": {"action": "backup"}},
]
ROLE: Final = {
    "metadata": {"name": "helper"},
    "rules": [{"apiGroups": ["config.kio.kasten.io"], "resources": ["*"], "verbs": ["*"]}],
    "subjects": [{"kind": "ServiceAccount", "name": "k10-k10", "namespace": "kasten-io"}],
    "roleRef": {"kind": "ClusterRole", "name": "k10-admin"},
}
WORKLOAD: Final = {
    "metadata": {"name": "gateway", "namespace": "kasten-io"},
    "spec": {"replicas": 0, "template": {"spec": {"containers": [{"name": "c", "image": "x", "command": ["sh"]}]}}},
}

SEEDS: Final = (
    *(
        event(verb=verb, level="RequestResponse", requestObject=POLICY, responseObject=POLICY)
        for verb in ("create", "update")
    ),
    *(event(verb="patch", level="Request", requestObject=patch) for patch in (MERGE_PATCH, JSON_PATCH, JSON_PATCH)),
    event(
        level="RequestResponse", requestObject={"propagationPolicy": "Orphan", "dryRun": ["All"]}, responseObject=POLICY
    ),
    event(verb="deletecollection", level="RequestResponse", responseObject={"metadata": {}, "items": [POLICY, POLICY]}),
    event(
        verb="get",
        level="RequestResponse",
        responseObject=POLICY,
        impersonatedUser={"username": "bob", "groups": ["a"]},
    ),
    *(
        event(
            verb=verb,
            level="Request",
            requestObject=ROLE,
            objectRef={"apiGroup": "rbac.authorization.k8s.io", "resource": kind},
        )
        for verb in ("create", "update")
        for kind in ("clusterroles", "clusterrolebindings")
    ),
    *(
        event(
            verb=verb,
            level="Request",
            requestObject=WORKLOAD,
            objectRef={"apiGroup": "apps", "resource": "deployments", "namespace": "kasten-io", "name": "gateway"},
        )
        for verb in ("create", "update", "patch")
    ),
    event(
        verb="create",
        objectRef={"resource": "pods", "subresource": "exec", "namespace": "kasten-io", "name": "gateway"},
    ),
)
_WORDS: Final = (
    *("", "x", "kasten-io", "policies", "ResponseComplete", "RequestReceived", "delete", "All", "7d", "-1", "1e999"),
    *("replace", "/spec/actions/0", "$patch", "[", "*", "%zz", "\x00", "\u202e", "9999-99-99T99:99:99Z"),
    "system:serviceaccount:kasten-io:k10-k10",
)
_NUMBERS: Final = (0, 1, -1, 2**63, -(2**70), 0.5, 1e308)
_NAMES: Final = (
    "metadata",
    "name",
    "uid",
    "spec",
    "items",
    "op",
    "path",
    "from",
    "value",
    "kind",
    "actions",
    "retention",
    "rules",
    "$patch",
)


def anything(chosen: random.Random, depth: int = 0) -> Any:
    """Any JSON value, nested three deep at most."""
    kind = chosen.randrange(8 if depth < 3 else 4)
    if kind < 2:
        return chosen.choice(_WORDS)
    if kind == 2:
        return chosen.choice((*_NUMBERS, True, False, None))
    if kind == 3:
        return chosen.choice(([], {}))
    if kind < 6:
        return [anything(chosen, depth + 1) for _ in range(chosen.randrange(3))]
    return {chosen.choice(_NAMES): anything(chosen, depth + 1) for _ in range(chosen.randrange(4))}


def mutated(number: int, chosen: random.Random) -> dict[str, Any]:
    """One of the seeds, with up to three of its parts replaced or taken away; its identity is its own."""
    written = copy.deepcopy(chosen.choice(SEEDS)) | {"auditID": f"m-{number}"}
    for _ in range(chosen.choice((1, 1, 2, 3))):
        container, name = chosen.choice([*_parts(written)])
        if chosen.random() < 0.9:
            container[name] = anything(chosen)
        else:
            del container[name]
    return written


def _parts(value: Any) -> Iterator[tuple[Any, Any]]:
    """Each member of each container, as (container, name or index)."""
    walk = [value]
    while walk:
        container = walk.pop()
        members = container.items() if isinstance(container, dict) else enumerate(container)
        for name, member in members:
            yield container, name
            if isinstance(member, dict | list):
                walk.append(member)
