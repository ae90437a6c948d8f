"""The status of an AuditWatch: of the generation it speaks of, and there again where somebody deleted it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.live.installation import NAMESPACE, Installation

RULE = {
    "name": "anything",
    "severity": "Info",
    "match": {"apiGroups": ["config.kio.kasten.io"], "resources": ["profiles"], "verbs": ["delete"]},
}


@pytest.fixture
def watched(operator: Installation) -> Installation:
    """The running operator with a watch ``looked-at`` that is Ready."""
    operator.watch("looked-at", packs=[], rules=[RULE])
    operator.wait(lambda: operator.condition("Ready", name="looked-at").get("status") == "True", what="the watch")
    return operator


def generation(operator: Installation) -> int:
    text = operator.cluster.kubectl("get", "auditwatch", "looked-at", "-n", NAMESPACE, "-o", "json")
    return int(json.loads(text)["metadata"]["generation"])


def spoken_of(operator: Installation) -> set[Any]:
    status = operator.watch_status("looked-at")
    told = [each.get("observedGeneration") for each in status.get("conditions", [])]
    return {status.get("observedGeneration"), *told}


def test_a_status_that_somebody_deleted_comes_back_whole(watched: Installation) -> None:
    before = watched.watch_status("looked-at")
    remove = json.dumps([{"op": "remove", "path": "/status"}])
    where = ("auditwatch", "looked-at", "-n", NAMESPACE, "--subresource=status")
    watched.cluster.kubectl("patch", *where, "--type=json", f"--patch={remove}")

    watched.wait(lambda: watched.condition("Ready", name="looked-at").get("status") == "True", what="the status")

    after = watched.watch_status("looked-at")
    assert after.keys() == before.keys()
    assert [each["type"] for each in after["conditions"]] == [each["type"] for each in before["conditions"]]


def test_every_condition_says_of_which_generation_it_speaks(watched: Installation) -> None:
    watched.watch("looked-at", packs=[], rules=[{**RULE, "severity": "Low"}])
    changed = generation(watched)

    watched.wait(lambda: spoken_of(watched) == {changed}, what="conditions of the new generation")

    assert changed > 1
