"""Events as the API server takes them: its required fields, its limits, and only the series of an old one."""

from __future__ import annotations

import pytest

from auditwatch.detection.signal import Signal
from auditwatch.findings.state import FindingState
from auditwatch.outputs.events.bodies import event_body, name_of, series_body
from tests.unit.findings.making import START, activity, gap_signal, ledger, only, signal

POLICY = {"kind": "Policy", "apiVersion": "config.kio.kasten.io/v1alpha1"}


def state_of(*signals: Signal) -> FindingState:
    book = ledger()
    book.apply(signals)
    return only(book)


def body_of(*signals: Signal, instance: str = "auditwatch-0") -> dict[str, object]:
    return event_body(state_of(*signals), uid="uid-1", instance=instance, now=START + 0.5)


def test_an_event_is_about_the_finding_so_that_describe_shows_it() -> None:
    state = state_of(signal(1))

    assert event_body(state, uid="uid-1", instance="i", now=START)["regarding"] == {
        "apiVersion": "k10auditwatch.io/v1alpha1",
        "kind": "K10SecurityFinding",
        "namespace": "k10-auditwatch",
        "name": state.name,
        "uid": "uid-1",
    }


def test_an_event_lives_beside_its_finding_under_a_computed_name() -> None:
    state = state_of(signal(1))
    body = event_body(state, uid="uid-1", instance="i", now=START)

    assert body["metadata"] == {"name": name_of(state), "namespace": "k10-auditwatch"}
    assert name_of(state).startswith(state.name + ".")


def test_the_object_it_is_about_is_related() -> None:
    seen = signal(1, activity=activity(1, time=START, object=POLICY))

    assert body_of(seen)["related"] == {
        "apiVersion": "config.kio.kasten.io/v1alpha1",
        "kind": "Policy",
        "namespace": "kasten-io",
        "name": "daily",
        "uid": "uid-of-daily",
    }


def test_without_a_body_the_resource_stands_for_the_kind() -> None:
    related = body_of(signal(1))["related"]

    assert isinstance(related, dict)
    assert related["kind"] == "policies"


def test_a_gap_is_related_to_nothing() -> None:
    assert "related" not in body_of(gap_signal(1))


def test_the_words_clients_aggregate_by_are_bounded() -> None:
    body = body_of(signal(1), instance="x" * 500)

    assert (body["reportingController"], body["action"], body["reason"]) == (
        "k10auditwatch.io/operator",
        "Detected",
        "RetentionCut",
    )
    assert body["reportingInstance"] == "x" * 128
    assert body["type"] == "Warning"


def test_an_instance_without_a_name_still_has_one() -> None:
    assert body_of(signal(1), instance="")["reportingInstance"] == "auditwatch"


def test_the_event_s_time_has_microseconds() -> None:
    assert body_of(signal(1))["eventTime"] == "2027-01-15T08:00:00.500000Z"


def test_a_first_sight_has_no_series() -> None:
    assert "series" not in body_of(signal(1))


def test_what_happened_often_before_it_is_told_begins_as_a_series() -> None:
    assert body_of(signal(1), signal(2))["series"] == {"count": 2, "lastObservedTime": "2027-01-15T08:00:00.500000Z"}


@pytest.mark.parametrize(("count", "told"), [(1, 2), (2, 2), (1000, 1000), (10**12, 2**31 - 1)])
def test_a_series_has_a_count_the_api_server_takes(count: int, told: int) -> None:
    assert series_body(count, START) == {"series": {"count": told, "lastObservedTime": "2027-01-15T08:00:00.000000Z"}}
