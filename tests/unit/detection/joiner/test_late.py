"""What comes later than it was waited for corrects what was told: it adds, it raises, and it is never told again."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from auditwatch.events.activity import ATTRIBUTIONS, Activity, Revision
from tests.unit.detection.joiner.making import (
    APPS,
    START,
    Desk,
    activities,
    body,
    change,
    event,
    heard,
    only,
    revision,
    with_audit,
)


def test_an_event_later_than_its_hold_gives_the_change_its_actor() -> None:
    desk = with_audit(lag=1.0)
    first = only([*desk.tell(change(), at=0.2), *desk.settle(1.3)])
    assert first.attribution == "Unknown"

    late = revision([*desk.tell(event(), at=20.0), *desk.settle(22.1)])
    assert (late.sequence, late.former) == (2, first)
    assert (late.activity.key, late.activity.actor.id, late.activity.attribution) == (first.key, "eve", "Correlated")
    assert (late.activity.old_object, late.activity.object) == (first.old_object, first.object)


def test_a_log_that_is_read_from_its_beginning_names_who_made_a_change_that_was_told_before() -> None:
    desk = Desk()
    first = only([*desk.tell(change(), at=0.2), *desk.settle(0.3)])

    late = revision([*desk.tell(event(), at=60.0), *desk.settle(62.1)])
    assert (late.former, late.activity.actor.id) == (first, "eve")
    assert late.activity.old_object == first.old_object


@pytest.mark.parametrize(
    ("fields", "is_backlog"),
    [
        ({"at": 0.0}, True),
        ({"at": 3600.5}, False),
        ({"at": 0.0, "verb": "get"}, False),
        ({"at": 0.0, "group": "", "resource": "secrets"}, False),
        ({"at": 0.0, "evidence": "K10Stream", "source": "k10"}, False),
    ],
)
def test_a_request_from_before_its_source_is_told_as_backlog_where_state_has_shown_what_it_did(
    fields: dict[str, Any], *, is_backlog: bool
) -> None:
    desk = Desk()
    desk.tell(heard(at=3600.0), heard(at=3600.0, evidence="K10Stream", source="k10"), at=3600.0)
    desk.settle(3600.1)
    desk.log.clear()

    row = only([*desk.tell(event(**fields), at=3601.0), *desk.settle(3700.0)])
    assert row.is_backlog is is_backlog


def test_the_version_raises_it_to_audited_without_another_wait() -> None:
    desk = with_audit(lag=1.0)
    desk.tell(change(version="11"), at=0.2)
    desk.settle(1.3)

    late = revision([*desk.tell(event(responseObject=body("11", paused=True)), at=20.0), *desk.settle(22.1)])
    assert late.activity.attribution == "Audited"


def test_a_change_later_than_its_hold_gives_the_event_its_sides() -> None:
    desk = with_audit(lag=1.0)
    desk.tell(event(), at=0.2)
    first = only(desk.settle(2.3))
    assert first.old_object is msgspec.UNSET

    late = revision([*desk.tell(change(manner="List", at=60.0), at=60.0), *desk.settle(61.1)])
    assert (late.former, late.activity.key) == (first, first.key)
    assert isinstance(late.activity.object, dict)
    assert isinstance(late.activity.old_object, dict)


def test_a_second_late_event_does_not_take_over_a_change_that_is_explained() -> None:
    desk = with_audit(lag=1.0)
    desk.tell(change(), at=0.2)
    desk.settle(1.3)
    desk.tell(event(user="eve"), at=20.0)
    revision(desk.settle(22.1))

    desk.tell(event(user="bob", at=0.3), at=30.0)
    assert only(desk.settle(32.1)).actor.id == "bob"


def test_what_came_too_late_for_the_first_time_may_be_corrected_again() -> None:
    desk = Desk()
    desk.tell(event(stage="RequestReceived"), at=0.0)
    first = only(desk.settle(70.0))
    second = revision([*desk.tell(change(manner="List", at=80.0), at=80.0), *desk.settle(83.0)])
    third = revision([*desk.tell(event(), at=90.0), *desk.settle(93.0)])

    assert (second.former, third.former) == (first, second.activity)
    assert second.sequence == third.sequence == 1
    assert (first.outcome, second.activity.outcome, third.activity.outcome) == ("Unknown", "Succeeded", "Succeeded")
    assert third.activity.object == second.activity.object
    assert not isinstance(third.activity.response, msgspec.UnsetType)
    assert third.activity.response.code == 200


def test_what_is_told_stays_joinable_for_ten_minutes() -> None:
    within, beyond = with_audit(lag=1.0), with_audit(lag=1.0)
    for desk in (within, beyond):
        desk.tell(event(), at=0.2)
        desk.settle(2.3)

    beyond.settle(610.0)
    within.tell(change(manner="List", at=590.0), at=590.0)
    beyond.tell(change(manner="List", at=611.0), at=611.0)
    for desk in (within, beyond):
        desk.settle(620.0)

    assert isinstance(within.log[-1], Revision)
    assert isinstance(beyond.log[-1], Activity)


def test_what_is_told_stays_joinable_for_as_long_as_we_were_down() -> None:
    desk = with_audit(lag=1.0, joinable=7_200.0)
    desk.tell(event(), at=0.2)
    desk.settle(2.3)

    revision(desk.tell(change(manner="List", at=7_000.0), at=7_000.0))


def test_a_row_that_is_gone_from_the_log_is_not_corrected_and_nothing_is_told_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = with_audit(lag=1.0)
    desk.tell(change(), at=0.2)
    desk.settle(1.3)
    monkeypatch.setattr(desk, "recall", lambda _sequence: None)

    assert [*desk.tell(event(), at=20.0), *desk.settle(22.1)] == []
    assert desk.inbox == {}


def test_more_than_can_be_remembered_is_forgotten_from_the_oldest_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auditwatch.detection.joiner.told.MAX_TOLD", 3)
    desk = with_audit(lag=1.0)
    for number in range(6):
        desk.tell(event(name=f"p{number}"), at=0.2)
    desk.settle(2.3)
    for number in range(6):
        desk.take(change(name=f"p{number}", manner="List", at=60.0), at=60.0)

    rows = desk.settle(62.0)
    assert desk.joiner.told <= 3
    assert [type(row).__name__ for row in rows].count("Revision") == 3


def test_what_is_remembered_is_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auditwatch.detection.joiner.told.MAX_BYTES", 2_000)
    desk = with_audit(lag=1.0)
    for number in range(40):
        desk.tell(event(name=f"p{number}"), at=0.2)
    desk.settle(2.3)

    assert sum(len(row) for key, row in desk.saved.items() if key.startswith("told/")) <= 2_000
    assert desk.joiner.told > 1


@pytest.mark.parametrize("kill", [False, True])
def test_what_is_told_is_joined_after_a_restart_too(*, kill: bool) -> None:
    desk = with_audit(lag=1.0)
    desk.tell(change(), at=0.2)
    desk.settle(1.3)
    if kill:
        desk.kill()
    desk.tell(event(), at=20.0)

    assert revision(desk.settle(22.1)).activity.actor.id == "eve"


@pytest.mark.parametrize("kill", [False, True])
def test_what_is_held_is_held_after_a_restart_too(*, kill: bool) -> None:
    desk = with_audit(lag=9.0)
    desk.tell(change(), at=0.2)
    if kill:
        desk.kill()
    assert desk.settle(9.1) == []
    desk.tell(event(), at=9.15)

    assert only(desk.settle(9.3)).attribution == "Correlated"


def test_keys_of_what_is_told_are_forgotten_after_six_hours() -> None:
    desk = Desk()
    desk.tell(event("get"), at=0.2)
    assert any(key.startswith("known/") for key in desk.saved)
    desk.settle(6 * 3_600.0 + 10.0)
    desk.settle(6 * 3_600.0 + 11.0)

    assert not any(key.startswith("known/") for key in desk.saved)


def test_attribution_and_outcome_of_a_correction_are_never_worse_than_before() -> None:
    desk = with_audit(lag=1.0)
    desk.tell(change(manager="kubectl", signed=0.0), at=0.2)
    first = only(desk.settle(1.3))
    desk.tell(event(), at=20.0)
    late = revision(desk.settle(22.1))

    assert ATTRIBUTIONS.index(late.activity.attribution) > ATTRIBUTIONS.index(first.attribution)
    assert late.activity.time == START + 0.1
    assert len(activities([late.activity])) == 1


POINT: dict[str, Any] = {"group": APPS, "resource": "restorepoints", "namespace": "shop"}
STREAM: dict[str, Any] = {"evidence": "K10Stream", "source": "k10", "instance": "pod-1"}


def with_slow_stream(*verbs: str) -> Desk:
    """A desk that hears of nobody but K10's own stream, which is 7 s late and told of these requests."""
    desk = Desk()
    for at, verb in ((-70.0, "list"), *((-60.0, verb) for verb in verbs)):
        desk.tell(event(verb, "other", at=at, took=0.0, **POINT, **STREAM), at=at + (7.0 if at > -70.0 else 0.0))
    desk.settle(-40.0)
    return desk


def test_where_k10s_stream_never_told_of_such_a_request_a_change_is_told_at_once_and_corrected_later() -> None:
    desk = with_slow_stream("get", "list")
    first = only(desk.tell(change("delete", **POINT), at=0.2))
    assert (first.evidence, first.attribution) == ("State", "Unknown")

    late = revision([*desk.tell(event("delete", **POINT, **STREAM), at=7.0), *desk.settle(9.1)])
    assert (late.former, late.activity.key) == (first, first.key)
    assert (late.activity.actor.id, late.activity.attribution) == ("eve", "Correlated")


def test_where_k10s_stream_told_of_such_a_request_a_change_waits_for_its_own() -> None:
    desk = with_slow_stream("delete")
    assert desk.tell(change("delete", **POINT), at=0.2) == []

    row = only([*desk.tell(event("delete", **POINT, **STREAM), at=7.0), *desk.settle(9.1)])
    assert (row.actor.id, row.attribution) == ("eve", "Correlated")
