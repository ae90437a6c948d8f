"""Which pods are K10's, and which lines of a log have a time."""

from __future__ import annotations

from typing import Any

import pytest

from auditwatch.sources.k10stream.lines import Line, parse_line
from auditwatch.sources.k10stream.pods import ContainerRun, runs_of, selector_of

OWNER = {"kind": "ReplicaSet", "name": "aggregatedapis-svc-76ccc59fbc", "controller": True}


def pod(
    name: str = "a", *, owner: dict[str, Any] | None = None, account: str = "k10-k10", **status: Any
) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "uid": f"uid-{name}", "ownerReferences": [OWNER if owner is None else owner]},
        "spec": {"serviceAccountName": account},
        "status": {"containerStatuses": [{"name": "aggregatedapis-svc", **status}]} if status else {},
    }


def test_a_pod_of_the_deployment_under_k10s_account_is_k10s() -> None:
    running = pod("b", restartCount=3, state={"running": {"startedAt": "2027-01-15T08:00:00Z"}})

    assert runs_of([running, pod("a")], account="k10-k10") == (
        ContainerRun(pod="a", uid="uid-a"),
        ContainerRun(pod="b", uid="uid-b", restarts=3, started=1_800_000_000.0),
    )


@pytest.mark.parametrize(
    "other",
    [
        pod(owner={}),
        pod(owner={**OWNER, "controller": False}),
        pod(owner={**OWNER, "kind": "Job"}),
        pod(owner={**OWNER, "name": "other-76ccc59fbc"}),
        pod(owner={**OWNER, "name": "aggregatedapis-svcx-76ccc59fbc"}),
        pod(account="default"),
        {"metadata": {"name": "bare", "uid": "u"}},
    ],
)
def test_a_pod_with_the_right_labels_only_is_not_k10s(other: dict[str, Any]) -> None:
    assert runs_of([other], account="k10-k10") == ()


def test_a_container_that_waits_has_not_begun() -> None:
    waiting = pod(restartCount=1, state={"waiting": {"reason": "CrashLoopBackOff"}})
    ended = pod(restartCount=1, state={"terminated": {"startedAt": "2027-01-15T08:00:00Z"}})
    beside = pod()
    beside["status"] = {"containerStatuses": [{"name": "sidecar", "restartCount": 9}]}

    assert [run.started for run in runs_of([waiting], account="k10-k10")] == [None]
    assert [run.started for run in runs_of([ended], account="k10-k10")] == [1_800_000_000.0]
    assert [run.restarts for run in runs_of([beside], account="k10-k10")] == [0]


def test_the_selector_is_that_of_the_deployment() -> None:
    assert selector_of({"spec": {"selector": {"matchLabels": {"run": "x", "app": "k10"}}}}) == "app=k10,run=x"
    assert selector_of({}) == ""


def test_a_line_has_the_time_the_runtime_gave_it() -> None:
    assert parse_line(b"2027-01-15T08:00:00.25Z {} x") == Line(1_800_000_000.25, b"{} x")
    assert parse_line(b"2027-01-15T09:00:00.123456789+01:00 ") == Line(1_800_000_000.123456789, b"")


@pytest.mark.parametrize("raw", [b"{}", b"", b"x y", b"2027-01-15 08:00", b"\xff\xfe z", b"x" * 100 + b" y"])
def test_a_line_without_a_time_stays_whole(raw: bytes) -> None:
    assert parse_line(raw) == Line(None, raw)


def test_the_kubelets_own_words_have_no_time() -> None:
    said = b"unable to retrieve container logs for containerd://0123"

    assert parse_line(said).is_complaint
    assert not parse_line(b"2027-01-15T08:00:00Z " + said).is_complaint
    assert not parse_line(b"the rest of a line").is_complaint
