"""What comes again, or as a part that was missing, after a request was told: it corrects once, and never counts."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from auditwatch.detection.joiner.arrivals import Record
from auditwatch.events.activity import LogRow, Revision
from auditwatch.events.audit import AuditRecord
from tests.unit.detection.joiner.making import Desk, activities, body, change, event, only, revision, with_audit
from tests.unit.detection.joiner.test_relayed import behind, front, with_both

OTHER: dict[str, Any] = {"source": "webhook", "instance": "api-2"}


def later(desk: Desk, record: Record, *, at: float) -> list[LogRow]:
    """What is told of one more record, however long it is waited."""
    return [*desk.tell(record, at=at), *desk.settle(at + 120.0)]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_copies_from_two_sources_and_k10s_record_are_one_in_any_order(order: tuple[int, ...]) -> None:
    desk, told = with_both(), [front(), front(**OTHER), behind()]
    for place, index in enumerate(order):
        desk.take(told[index], at=0.2 + place / 10)
    row = only([*desk.settle(0.5), *desk.settle(9.0)])

    assert (row.evidence, row.actor.id) == ("Audited", "eve")
    assert isinstance(row.object, dict)
    assert desk.inbox == {}


@pytest.mark.parametrize("again", [front(**OTHER), behind(**OTHER), front(stage="RequestReceived")])
@pytest.mark.parametrize("first", [0, 1])
def test_no_telling_of_a_request_that_is_told_tells_of_another(again: AuditRecord, first: int) -> None:
    desk, told = with_both(), [front(), behind()]
    desk.take(told[first], at=0.2)
    desk.take(told[1 - first], at=0.3)
    assert len(activities(desk.settle(9.0))) == 1

    assert later(desk, again, at=20.0) == []
    assert desk.inbox == {}


@pytest.mark.parametrize("kill", [False, True])
def test_a_record_of_k10s_that_came_late_is_told_once_and_another_is_another_request(*, kill: bool) -> None:
    desk = with_both()
    desk.tell(front(), at=0.2)
    desk.settle(3.0)
    revision(later(desk, behind(), at=9.0))
    if kill:
        desk.kill()

    assert later(desk, behind(**OTHER), at=140.0) == []
    assert len(activities(later(desk, behind(at=0.5), at=280.0))) == 1


def test_a_request_that_k10_says_was_refused_made_no_change() -> None:
    desk = with_both()
    shape: dict[str, Any] = {"group": "vault.kio.kasten.io", "resource": "passkeys", "namespace": "", "name": "k1"}
    desk.tell(front("patch", code=503), at=0.2)
    desk.settle(5.0)
    late = revision(later(desk, behind("patch", code=404, responseObject=None), at=9.0))
    assert late.activity.outcome == "Rejected"

    row = only(later(desk, change(at=0.1, since=-1.0, **shape), at=140.0))
    assert (row.evidence, row.actor.id) == ("State", "")


def test_a_request_that_k10_says_was_carried_out_is_behind_the_change_that_shows_later() -> None:
    desk = with_both()
    shape: dict[str, Any] = {"group": "vault.kio.kasten.io", "resource": "passkeys", "namespace": "", "name": "k1"}
    desk.tell(front("patch", code=503), at=0.2)
    desk.settle(5.0)
    assert revision(later(desk, behind("patch", responseObject=None), at=9.0)).activity.outcome == "Succeeded"

    late = revision(later(desk, change(at=0.1, since=-1.0, **shape), at=140.0))
    assert (late.activity.actor.id, late.activity.outcome) == ("eve", "Succeeded")


def test_an_end_that_comes_after_all_is_told_once() -> None:
    desk = with_audit()
    desk.tell(event(stage="RequestReceived"), at=0.1)
    assert only(desk.settle(100.0)).outcome == "Unknown"
    late = revision(later(desk, event(), at=110.0))
    assert (late.former.outcome, late.activity.outcome) == ("Unknown", "Succeeded")

    assert later(desk, event(**OTHER), at=240.0) == []
    assert later(desk, event(stage="RequestReceived", **OTHER), at=370.0) == []


@pytest.mark.parametrize("code", [500, 503, 504])
def test_an_end_that_leaves_open_how_it_went_says_nothing_new(code: int) -> None:
    desk = with_audit()
    desk.tell(event(stage="RequestReceived"), at=0.1)
    desk.settle(100.0)

    assert later(desk, event(code=code), at=110.0) == []
    assert desk.inbox == {}


def test_an_end_that_was_refused_takes_the_request_out_of_the_choice() -> None:
    desk = with_audit()
    desk.tell(event(stage="RequestReceived"), at=0.1)
    desk.settle(100.0)
    assert revision(later(desk, event(code=403), at=110.0)).activity.outcome == "Denied"

    assert only(later(desk, change(at=0.1, since=-1.0), at=240.0)).actor.id == ""


def test_a_change_whose_version_is_that_of_a_request_that_is_told_waits_for_nobody() -> None:
    desk = with_audit(lag=40.0)
    desk.tell(event(responseObject=body("11", paused=True)), at=0.4)
    desk.settle(3.0)
    late = revision(desk.tell(change(version="11"), at=4.0))

    assert (late.activity.attribution, late.activity.actor.id) == ("Audited", "eve")


def test_a_change_that_may_be_anybodys_waits_as_long_as_events_come_late() -> None:
    desk = with_audit(lag=40.0)
    desk.tell(event(responseObject=body("10", paused=True)), at=0.4)
    desk.settle(3.0)

    assert desk.tell(change(version="11"), at=4.0) == []
    assert desk.settle(43.9) == []
    assert only(desk.settle(44.2)).evidence == "State"


def test_of_one_object_a_later_change_waits_for_an_earlier_one_that_came_after_it() -> None:
    desk = with_audit(lag=5.0)
    desk.take(change(version="12", old_version="11", at=3.0, since=2.0), at=3.0)
    desk.take(change(version="11", at=1.0, since=0.5), at=4.0)

    assert desk.settle(8.5) == []
    assert [row.time for row in activities(desk.settle(9.2))] == sorted(row.time for row in activities(desk.log[1:]))


def test_changes_of_different_objects_do_not_wait_for_each_other() -> None:
    desk = with_audit(lag=5.0)
    desk.take(change(name="weekly", version="12", at=1.0), at=1.0)
    desk.take(change(name="daily", version="11", at=3.0), at=4.0)

    assert [row.target.name for row in activities(desk.settle(6.2))] == ["weekly"]
    assert [row.target.name for row in activities(desk.settle(9.2))] == ["daily"]


def test_a_correction_is_of_the_row_that_first_told_and_adds_no_activity() -> None:
    desk = with_audit()
    desk.tell(event(), at=0.4)
    desk.settle(5.0)
    later(desk, change(), at=10.0)
    rows = desk.log[1:]

    assert [type(row) for row in rows] == [type(rows[0]), Revision]
    assert isinstance(rows[1], Revision)
    assert (rows[1].sequence, rows[1].former) == (2, rows[0])
    assert rows[1].activity.key == rows[1].former.key
