"""K10's pods: which tokens belong to one, also after it has gone, and what is not known yet."""

from __future__ import annotations

from typing import Any

import pytest

from auditwatch.detection.pods import KEPT_SECONDS, MAX_PODS, WatchedPods
from auditwatch.events.activity import StateChange

from .building import K10


def _change(
    uid: str, verb: Any = "create", *, account: str = "k10-k10", time: float = 100.0, **fields: Any
) -> StateChange:
    pod = {"metadata": {"name": uid}, "spec": {"serviceAccountName": account}}
    written = {"group": "", "resource": "pods", "namespace": "kasten-io", **fields}
    return StateChange(
        cluster="c",
        version="v1",
        name=uid,
        uid=uid,
        verb=verb,
        old=None if verb == "create" else pod,
        new=None if verb == "delete" else pod,
        observed=time,
        **written,
    )


def _pods(*changes: StateChange, proven: float = 1000.0) -> WatchedPods:
    pods = WatchedPods(K10)
    for change in changes:
        pods.observe(change)
    pods.proven_until(proven)
    return pods


def test_a_pod_under_k10s_account_in_its_namespace_is_k10s() -> None:
    assert _pods(_change("a")).knows("a", 100.0) is True


@pytest.mark.parametrize(
    "fields",
    [{"account": "vbr-admin"}, {"account": ""}, {"namespace": "shop"}, {"resource": "jobs"}, {"group": "x.io"}],
)
def test_any_other_pod_is_not(fields: dict[str, Any]) -> None:
    pods = _pods(_change("a", **fields))
    assert pods.knows("a", 100.0) is False
    assert pods.is_empty


def test_a_pod_that_nobody_showed_may_come_later_and_is_none_of_k10s_once_its_time_is_proven() -> None:
    pods = _pods(proven=1000.0)
    assert pods.knows("new", 1000.5) is None
    pods.proven_until(2000.0)
    pods.proven_until(1500.0)
    assert pods.knows("new", 2000.0) is False


def test_a_pod_that_has_gone_is_remembered_for_a_day() -> None:
    pods = _pods(_change("a"), _change("a", "delete", time=200.0))
    assert pods.knows("a", 200.0 + KEPT_SECONDS) is True
    assert pods.knows("a", 201.0 + KEPT_SECONDS) is False
    pods.observe(_change("b", time=300.0 + KEPT_SECONDS))
    pods.proven_until(float("inf"))
    assert pods.knows("a", 200.0) is False


def test_pods_that_are_there_stay_however_many_have_gone() -> None:
    pods = _pods(_change("alive"))
    for number in range(MAX_PODS + 5):
        pods.observe(_change(f"p{number}"))
        pods.observe(_change(f"p{number}", "delete", time=200.0 + number / 1e6))
    assert pods.knows("alive", 300.0) is True
    assert pods.knows("p0", 300.0) is False
    assert pods.knows(f"p{MAX_PODS + 4}", 300.0) is True


def test_the_deletion_of_a_strangers_pod_is_passed_over() -> None:
    assert _pods(_change("x", "delete", account="other")).is_empty


def test_that_a_cluster_names_pods_is_learned_once() -> None:
    pods = _pods()
    assert not pods.are_named
    pods.name()
    assert pods.are_named


def _restarted(pods: WatchedPods) -> WatchedPods:
    again = WatchedPods(K10)
    again.restore([(key, row) for key, row in pods.take_dirty().items() if row is not None])
    again.proven_until(1000.0)
    return again


def test_a_pod_that_has_gone_is_known_after_a_restart_and_that_pods_are_named() -> None:
    pods = _pods(_change("a"), _change("b"), _change("b", "delete", time=200.0), _change("x", account="other"))
    pods.name()
    again = _restarted(pods)

    assert [again.knows(uid, 300.0) for uid in "bx"] == [True, False]
    assert again.knows("b", 201.0 + KEPT_SECONDS) is False
    assert again.are_named
    assert again.take_dirty() == {}


def test_a_pod_whose_deletion_is_all_that_is_told_of_it_was_k10s() -> None:
    assert _restarted(_pods(_change("a", "delete", time=200.0))).knows("a", 150.0) is True


def test_what_is_saved_is_saved_once_and_taken_away_a_day_later() -> None:
    pods = _pods(_change("a"), _change("a", "delete", time=200.0))
    assert list(pods.take_dirty()) == ["pod/a"]
    pods.name()
    assert pods.take_dirty() == {"named": b""}
    pods.name()
    assert pods.take_dirty() == {}

    pods.observe(_change("b", time=201.0 + KEPT_SECONDS))
    assert pods.take_dirty() == {"pod/a": None}
