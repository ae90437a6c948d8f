"""What is told first: of one object and of one actor what happened first, though others overtake them."""

from __future__ import annotations

from auditwatch.events.activity import Activity
from tests.unit.detection.joiner.making import Desk, activities, change, event, with_audit


def names(desk: Desk) -> list[tuple[str, str]]:
    return [(row.target.name, row.actor.id) for row in desk.log if isinstance(row, Activity)]


def test_what_is_due_is_told_in_the_order_of_event_time() -> None:
    desk = Desk()
    desk.take(event("get", "third", at=3.0), event("get", "first", at=1.0), event("get", "second", at=2.0), at=4.0)
    desk.settle(4.0)

    assert [name for name, _ in names(desk)] == ["first", "second", "third"]


def test_of_one_object_nothing_overtakes_what_happened_before_and_waits() -> None:
    desk = with_audit()
    desk.take(event(at=0.0, user="eve"), at=0.1)
    assert desk.tell(event("get", at=1.0, user="bob"), at=1.1) == []

    assert [row.actor.id for row in activities(desk.settle(2.2))] == ["eve", "bob"]


def test_of_one_actor_nothing_overtakes_what_he_did_before() -> None:
    desk = with_audit()
    desk.take(event(at=0.0), at=0.1)
    assert desk.tell(event("get", "other", at=1.0), at=1.1) == []

    assert [row.target.name for row in activities(desk.settle(2.2))] == ["daily", "other"]


def test_what_others_do_to_other_objects_is_not_kept_waiting() -> None:
    desk = with_audit()
    desk.take(event(at=0.0, user="eve"), at=0.1)

    assert [row.actor.id for row in activities(desk.tell(event("get", "other", at=1.0, user="bob"), at=1.1))] == ["bob"]


def test_a_change_that_waits_for_its_cause_keeps_its_object_in_order() -> None:
    desk = with_audit(lag=10.0)
    desk.take(change(at=0.1), at=0.2)
    assert desk.tell(event("get", at=3.0), at=3.1) == []

    assert [row.evidence for row in activities(desk.settle(10.3))] == ["State", "Audited"]


def test_nothing_waits_for_the_orders_sake_for_longer_than_a_minute() -> None:
    desk = Desk({"hold": lambda row: 300.0 if row.actor.id == "eve" else 0.0})
    desk.take(event("get", at=0.0, user="eve"), at=0.1)
    assert desk.tell(event("get", at=1.0, user="bob"), at=1.1) == []
    assert desk.settle(61.0) == []

    assert [row.actor.id for row in activities(desk.settle(61.2))] == ["bob"]


def test_a_request_that_was_only_begun_keeps_nobody_waiting() -> None:
    desk = Desk()
    desk.tell(event("get", stage="RequestReceived"), at=0.0)

    assert [row.actor.id for row in activities(desk.tell(event("get", at=1.0), at=1.2))] == ["eve"]
