"""A request is not hidden by being large: what it changes is found among much that it adds, or that it hides is."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from auditwatch.detection.changes import LIMIT
from auditwatch.scan.selecting import MAX_BODY_BYTES

from .making import event, log, scanned, shipped
from .mutating import POLICY

BURIED, HALF_SEEN = "k10-change-buried", "k10-change-half-seen"
NOISE = {f"a{number:05}": number for number in range(5 * LIMIT)}
ROLES = {"apiGroup": "rbac.authorization.k8s.io", "resource": "clusterroles"}
REACHES_K10 = {"apiGroups": ["config.kio.kasten.io"], "resources": ["policies"], "verbs": ["delete"]}


def _policy(**spec: Any) -> dict[str, Any]:
    written = copy.deepcopy(POLICY)
    written["spec"] |= spec
    return written


def _found(tmp_path: Path, *events: dict[str, Any]) -> set[str]:
    """The rules that hold for the last event."""
    _, matches = scanned(shipped(), log(tmp_path / "audit.log", *events))
    return {rule for match in matches if match.line == len(events) for rule in match.rules}


@pytest.mark.parametrize(
    ("spec", "rule"),
    [
        ({"retention": {**NOISE, "daily": 0}}, "retention-cut"),
        ({"paused": True, **NOISE}, "policy-paused"),
        ({"actions": [{"action": "backup"}], **NOISE}, "export-removed"),
    ],
)
def test_a_change_is_found_among_thousands_of_new_fields_which_are_found_too(
    spec: dict[str, Any], rule: str, tmp_path: Path
) -> None:
    known = event(1, name="daily", verb="get", level="RequestResponse", responseObject=POLICY)
    body = _policy(**spec)
    written = event(2, name="daily", verb="update", level="RequestResponse", requestObject=body, responseObject=body)
    assert _found(tmp_path, known, written) >= {rule, BURIED}


def test_a_patch_of_thousands_of_places_is_found_though_nobody_saw_the_object(tmp_path: Path) -> None:
    for fields in ({"spec": {**NOISE, "paused": True}}, [{"op": "add", "path": f"/spec/{name}"} for name in NOISE]):
        patched = event(1, verb="patch", level="Request", requestObject=fields)
        assert _found(tmp_path, patched) == {BURIED, HALF_SEEN}


@pytest.mark.parametrize("size", [0, 1_500_000, 3_000_000])
def test_a_role_is_read_to_its_end_however_large_a_server_takes_it(size: int, tmp_path: Path) -> None:
    other = {"apiGroups": ["example.org"], "resources": ["widgets"], "verbs": ["get"], "resourceNames": ["w" * 1000]}
    role = {"metadata": {"name": "helper"}, "rules": [*[other] * (size // 1100), REACHES_K10]}
    written = event(1, verb="create", level="Request", objectRef=ROLES, requestObject=role)
    assert size < MAX_BODY_BYTES
    assert _found(tmp_path, written) == {"role-reaches-k10"}
