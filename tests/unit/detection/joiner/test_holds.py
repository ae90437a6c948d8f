"""Who waits for whom, and how long: nothing where nobody would come, and never longer than said."""

from __future__ import annotations

import msgspec
import pytest

from auditwatch.detection.joiner.joiner import JOINABLE_SECONDS
from auditwatch.detection.joiner.told import MAX_TOLD_UNHEARD
from auditwatch.events.activity import Activity, Gap
from auditwatch.events.audit import AuditRecord
from tests.unit.detection.joiner.making import (
    CONFIG,
    START,
    Desk,
    activities,
    body,
    change,
    event,
    gap,
    heard,
    only,
    translate,
    with_audit,
)


def test_without_an_audit_source_a_change_is_told_at_once() -> None:
    row = only(Desk().tell(change(), at=0.2))

    assert (row.evidence, row.attribution, row.verb) == ("State", "Unknown", "update")


def test_without_an_audit_source_a_change_is_remembered_for_one_that_is_turned_on_soon_and_no_longer() -> None:
    desk = Desk()
    desk.tell(change(), at=0.2)
    assert (desk.joiner.told, len(desk.saved)) == (1, 1)

    desk.settle(0.3 + JOINABLE_SECONDS)
    assert (desk.joiner.told, desk.saved) == (0, {})


def test_without_an_audit_source_the_latest_few_hundred_changes_are_remembered() -> None:
    desk = Desk()
    desk.tell(*(change(name=f"daily-{number}") for number in range(MAX_TOLD_UNHEARD + 5)), at=0.2)

    assert (desk.joiner.told, len(desk.saved)) == (MAX_TOLD_UNHEARD, MAX_TOLD_UNHEARD)


def test_a_gap_is_told_at_once() -> None:
    assert Desk().tell(gap(), at=0.0) == [gap()]


def test_a_change_waits_for_its_event_as_long_as_events_come_late() -> None:
    desk = with_audit(lag=5.0)

    assert desk.tell(change(at=0.2), at=0.2) == []
    assert desk.settle(5.1) == []
    assert only(desk.settle(5.3)).evidence == "State"


def test_a_change_waits_for_nobody_who_was_not_heard_of_for_ten_minutes() -> None:
    desk = with_audit(lag=5.0)

    assert only(desk.tell(change(at=700.0, since=690.0), at=700.0)).evidence == "State"


def test_a_change_waits_forty_five_seconds_at_most() -> None:
    desk = with_audit(lag=50.0)

    assert desk.tell(change(at=0.2), at=0.2) == []
    assert desk.settle(45.1) == []
    assert only(desk.settle(45.3)).evidence == "State"


def test_the_wait_is_the_99th_percentile_of_the_last_thousand_lags() -> None:
    desk = Desk()
    desk.take(heard(at=-560.0), at=-560.0)
    for number in range(1_000):
        slow = number < 15
        desk.take(heard(at=-550.0 + number / 2), at=-550.0 + number / 2 + (20.0 if slow else 1.0))
    desk.settle(-1.0)
    desk.take(change(at=0.0), at=0.0)
    assert activities(desk.settle(19.0)) == []
    for number in range(10):
        desk.take(heard(at=20.0 + number), at=21.0 + number)
    desk.settle(50.0)

    assert desk.tell(change(name="weekly", at=60.0, since=50.0), at=60.0) == []
    assert [row.target.name for row in activities(desk.settle(61.1))] == ["weekly"]


def test_a_log_that_is_older_than_who_reads_it_keeps_nobody_waiting() -> None:
    desk = Desk()
    for number in range(50):
        desk.take(heard(at=-5000.0 + number), at=-10.0)
    desk.take(heard(at=-5.0), at=-4.0)
    desk.settle(-1.0)
    desk.take(change(at=0.0, since=-1.0), at=0.0)

    assert activities(desk.settle(0.9)) == []
    assert len(activities(desk.settle(1.1))) == 1


def test_what_was_late_more_than_ten_minutes_ago_is_forgotten() -> None:
    desk = Desk()
    for at, lag in ((-700.0, 0.0), (-690.0, 30.0), (-20.0, 1.0)):
        desk.take(heard(at=at), at=at + lag)
    desk.settle(-1.0)
    desk.take(change(at=0.0, since=-1.0), at=0.0)

    assert len(activities(desk.settle(1.1))) == 1


def test_an_event_of_a_watched_kind_without_bodies_waits_two_seconds_for_its_change() -> None:
    desk = with_audit()

    assert desk.tell(event(at=0.0), at=0.5) == []
    assert desk.settle(2.4) == []
    assert only(desk.settle(2.6)).attribution == "Audited"


@pytest.mark.parametrize(
    "asked",
    [
        event("get"),
        event(code=403),
        event(code=404),
        event(query="?dryRun=All", group="", resource="configmaps", code=409),
        event(group="", resource="configmaps", namespace="elsewhere"),
        event(group="", resource="secrets"),
        event(objectRef={"apiGroup": CONFIG, "resource": "policies", "subresource": "status"}),
        event("create", requestObject=body("", paused=True), responseObject=body("11", paused=True)),
    ],
    ids=["read", "denied", "not found", "conflict", "elsewhere", "unwatched", "status", "whole"],
)
def test_what_changes_nothing_that_shows_or_shows_it_itself_does_not_wait(asked: AuditRecord) -> None:
    assert len(activities(with_audit().tell(asked, at=0.5))) == 1


def test_an_event_that_has_its_change_does_not_wait_on() -> None:
    desk = with_audit(lag=0.3)
    desk.take(change(), at=0.2)
    desk.take(event(), at=0.4)

    row = only(desk.settle(0.6))
    assert (row.attribution, row.actor.id) == ("Correlated", "eve")


def test_the_version_says_at_once_what_belongs_together() -> None:
    desk = with_audit(lag=40.0)
    desk.take(change(version="11"), at=0.2)

    row = only(desk.tell(event(responseObject=body("11", paused=True)), at=0.3))
    assert (row.attribution, row.actor.id) == ("Audited", "eve")


def test_slower_facts_are_waited_for_and_the_event_is_read_again_with_them() -> None:
    known: list[str] = []

    def read(record: AuditRecord) -> Activity:
        return msgspec.structs.replace(translate(record), degraded=tuple(known))

    desk = Desk({"translate": read, "hold": lambda _row: 0.0 if known else 30.0})
    assert desk.tell(event("get"), at=0.2) == []
    assert desk.settle(30.0) == []
    known.append("pods")

    assert only(desk.settle(30.3)).degraded == ("pods",)


def test_facts_that_come_early_end_the_wait_and_let_others_of_the_actor_pass() -> None:
    known: list[str] = []

    def read(record: AuditRecord) -> Activity:
        return msgspec.structs.replace(translate(record), degraded=tuple(known))

    desk = Desk({"translate": read, "hold": lambda row: 0.0 if known or row.target.name != "held" else 30.0})
    assert desk.tell(event("get", "held", at=0.1), event("get", "later", at=0.2), at=0.3) == []
    known.append("pods")
    assert desk.settle(1.0) == []

    desk.joiner.look_again()

    assert [row.target.name for row in activities(desk.settle(1.1))] == ["held", "later"]
    assert activities(desk.log)[0].degraded == ("pods",)


def test_looking_again_changes_nothing_where_no_facts_came() -> None:
    desk = Desk({"hold": lambda _row: 30.0})
    desk.take(event("get"), at=0.2)
    desk.joiner.look_again()

    assert desk.settle(30.0) == []
    assert only(desk.settle(30.3)).verb == "get"


def test_when_too_much_is_held_nothing_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auditwatch.detection.joiner.joiner.MAX_HELD", 3)
    desk = with_audit(lag=40.0)
    desk.take(*(change(name=f"p{number}") for number in range(4)), at=0.2)

    assert len(activities(desk.settle(0.3))) == 4
    assert (desk.joiner.overruns, desk.joiner.held) == (1, 0)


def test_nothing_waits_either_when_few_that_are_large_are_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auditwatch.detection.joiner.joiner.MAX_HELD_BYTES", 3_000)
    desk = with_audit(lag=40.0)
    desk.take(*(change(name=f"p{number}") for number in range(3)), at=0.2, size=1_000)
    assert activities(desk.settle(0.3)) == []

    desk.take(change(name="p3"), at=0.3, size=1)
    assert len(activities(desk.settle(0.4))) == 4

    desk.take(*(change(name=f"q{number}") for number in range(3)), at=0.5, size=1_000)
    assert (activities(desk.settle(0.6)), desk.joiner.held) == ([], 3), "what was settled takes no room any more"


def test_a_record_whose_settling_fails_becomes_a_gap_and_stops_no_other() -> None:
    failing, told = list[str](), list[int]()

    def read(record: AuditRecord) -> Activity:
        if failing:
            raise ValueError("boom")
        return translate(record)

    def note(sequence: int, _error: Exception) -> Gap:
        told.append(sequence)
        return gap("RecordUnreadable")

    desk = Desk({"translate": read, "hold": lambda row: 5.0 if row.actor.id == "eve" else 0.0, "trouble": note})
    desk.take(event("get", user="eve"), event("get", "weekly", user="bob"), at=0.0)
    failing.append("now")

    assert {type(row) for row in desk.settle(6.0)} == {Activity, Gap}
    assert (told, desk.inbox) == ([1], {})


def test_times_of_the_test_are_real_times() -> None:
    assert only(Desk().tell(event("get"), at=0.2)).time == START + 0.1


def by(pod: str, name: str, *, at: float, user: str = "k10") -> AuditRecord:
    """A read by one of this account's pods."""
    return event("get", name, at=at, user=user, extra={"authentication.kubernetes.io/pod-uid": [pod]})


def names(desk: Desk, at: float) -> list[str]:
    return [row.target.name for row in activities(desk.settle(at))]


def test_a_pod_that_is_not_known_yet_holds_up_itself_and_not_the_others_of_its_account() -> None:
    desk = Desk({"hold": lambda row: 30.0 if row.target.name == "held" else 0.0})
    desk.take(by("strange", "held", at=0.0), by("strange", "after", at=0.1), by("own", "other", at=0.2), at=0.4)

    assert names(desk, 0.5) == ["other"]
    assert names(desk, 30.5) == ["held", "after"]


def test_of_one_object_nothing_overtakes_a_request_whose_pod_is_not_known_yet() -> None:
    desk = Desk({"hold": lambda row: 30.0 if row.actor.pod_uid == "strange" else 0.0})
    desk.take(by("strange", "held", at=0.0), by("own", "held", at=0.1), at=0.4)

    assert names(desk, 0.5) == []
    assert names(desk, 30.5) == ["held", "held"]


def test_a_request_that_waits_for_its_change_still_holds_up_its_account() -> None:
    desk = with_audit()
    desk.take(event(at=0.0, user="k10"), by("own", "other", at=0.2), at=0.4)

    assert names(desk, 0.5) == []
    assert names(desk, 2.5) == ["daily", "other"]
