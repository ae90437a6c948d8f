"""Who holds the Lease: decided by our own clock and by what we saw, never by the times written in it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from auditwatch.cluster.lease import Action, LeaseTimes, Sighting, decide, lease_body, sight

TIMES = LeaseTimes()
WALL = datetime(2026, 11, 23, 12, 0, 0, 250000, tzinfo=UTC)


def lease(holder: str, *, version: str = "1", duration: int | None = 15, transitions: int = 0) -> dict[str, Any]:
    spec = {"holderIdentity": holder, "leaseDurationSeconds": duration, "leaseTransitions": transitions}
    return {"metadata": {"name": "auditwatch", "resourceVersion": version}, "spec": spec}


def first_seen(body: dict[str, Any] | None, *, now: float = 0.0) -> Sighting | None:
    return sight(None, body, now=now, times=TIMES)


def test_where_there_is_no_lease_it_is_created() -> None:
    assert decide(first_seen(None), identity="a", now=0) is Action.CREATE


def test_a_lease_that_was_given_back_is_taken_at_once() -> None:
    assert decide(first_seen(lease("")), identity="a", now=0) is Action.TAKE


def test_a_restarted_holder_has_its_own_lease_back_at_once() -> None:
    assert decide(first_seen(lease("a")), identity="a", now=0) is Action.RENEW


@pytest.mark.parametrize(("passed", "action"), [(0.0, Action.WAIT), (15.0, Action.WAIT), (15.1, Action.TAKE)])
def test_anothers_lease_is_taken_when_it_has_not_changed_for_its_duration(passed: float, action: Action) -> None:
    sighting = first_seen(lease("b"), now=100)

    assert decide(sighting, identity="a", now=100 + passed) is action


def test_a_renewal_starts_the_wait_again() -> None:
    sighting = first_seen(lease("b", version="1"), now=0)
    sighting = sight(sighting, lease("b", version="2"), now=14, times=TIMES)

    assert decide(sighting, identity="a", now=20) is Action.WAIT
    assert decide(sighting, identity="a", now=29.5) is Action.TAKE


def test_reading_an_unchanged_lease_again_does_not_start_the_wait_again() -> None:
    sighting = first_seen(lease("b"), now=0)
    for now in range(16):
        sighting = sight(sighting, lease("b"), now=now, times=TIMES)

    assert decide(sighting, identity="a", now=15.5) is Action.TAKE


def test_the_holders_own_duration_counts() -> None:
    assert decide(first_seen(lease("b", duration=60)), identity="a", now=30) is Action.WAIT
    assert decide(first_seen(lease("b", duration=None)), identity="a", now=16) is Action.TAKE


def written(sighting: Sighting | None, identity: str) -> dict[str, Any]:
    return lease_body(sighting, namespace="ns", name="auditwatch", identity=identity, times=TIMES, wall=WALL)


def test_a_new_lease_names_us_and_the_time() -> None:
    body = written(None, "a")

    assert body["metadata"] == {"namespace": "ns", "name": "auditwatch"}
    assert body["spec"] == {
        "holderIdentity": "a",
        "leaseDurationSeconds": 15,
        "leaseTransitions": 0,
        "acquireTime": "2026-11-23T12:00:00.250000Z",
        "renewTime": "2026-11-23T12:00:00.250000Z",
    }


def test_a_lease_is_written_over_exactly_the_version_that_was_read() -> None:
    assert written(first_seen(lease("b", version="41")), "a")["metadata"]["resourceVersion"] == "41"


def test_taking_over_is_a_transition_and_renewing_is_none() -> None:
    assert written(first_seen(lease("b", transitions=3)), "a")["spec"]["leaseTransitions"] == 4
    assert written(first_seen(lease("a", transitions=3)), "a")["spec"]["leaseTransitions"] == 3


def test_a_lease_given_back_names_nobody_and_runs_out() -> None:
    spec = written(first_seen(lease("a")), "")["spec"]

    assert (spec["holderIdentity"], spec["leaseDurationSeconds"]) == ("", 1)


def test_the_old_holder_stops_before_a_new_one_may_start() -> None:
    assert TIMES.deadline + TIMES.retry < TIMES.duration
