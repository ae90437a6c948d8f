"""Whoever deletes a namespace has deleted what was in it, although the namespace controller does so later."""

from __future__ import annotations

from typing import Any

import pytest

from auditwatch.events.activity import Revision, StateChange
from auditwatch.events.audit import AuditRecord
from tests.unit.detection.joiner.making import (
    APPS,
    CONTROLLER,
    Desk,
    activities,
    change,
    event,
    only,
    revision,
    with_audit,
)

POINTS: dict[str, Any] = {"group": APPS, "resource": "restorepoints", "namespace": "shop"}


def deletion(namespace: str = "shop", **fields: Any) -> AuditRecord:
    reference = {"resource": "namespaces", "namespace": namespace, "name": namespace, "apiVersion": "v1"}
    asked = {"group": "", "resource": "namespaces", "namespace": "", "objectRef": reference}
    return event("delete", namespace, **{**asked, **fields})


def clearing(at: float = 5.0, *, name: str = "", user: str = CONTROLLER, **fields: Any) -> AuditRecord:
    return event("deletecollection", name, **{"at": at, "user": user, **POINTS, **fields})


def listed(*names: str) -> dict[str, object]:
    items = [{"metadata": {"name": name}} for name in names]
    return {"kind": "RestorePointList", "apiVersion": f"{APPS}/v1alpha1", "metadata": {}, "items": items}


def gone(name: str = "rp-1", *, at: float = 5.2) -> StateChange:
    return change("delete", name, at=at, since=-10.0, **POINTS)


def desk_with_deletion() -> Desk:
    desk = with_audit()
    desk.tell(deletion(), at=0.3)
    assert only(desk.settle(2.4)).actor.id == "eve"
    return desk


def test_the_controllers_deletion_of_many_is_blamed_on_whoever_deleted_the_namespace() -> None:
    desk = desk_with_deletion()
    desk.tell(clearing(responseObject=listed("rp-1", "rp-2")), at=5.3)

    row = only(desk.settle(8.0))
    assert (row.actor.id, row.attribution, row.target.count) == ("eve", "Correlated", 2)
    assert row.verb == "deletecollection"


def test_what_state_shows_of_it_is_told_object_by_object() -> None:
    desk = desk_with_deletion()
    desk.take(clearing(), gone("rp-1"), gone("rp-2"), at=5.3)

    rows = activities(desk.settle(9.0))
    assert sorted(row.target.name for row in rows) == ["rp-1", "rp-2"]
    assert {(row.actor.id, row.attribution, row.target.count) for row in rows} == {("eve", "Correlated", 1)}


def test_where_the_namespace_held_none_nothing_is_told() -> None:
    desk = desk_with_deletion()

    assert [*desk.tell(clearing(responseObject=listed()), at=5.3), *desk.settle(9.0)] == []
    assert [*desk.tell(clearing(at=6.0), at=6.3), *desk.settle(9.0)] == []
    assert desk.inbox == {}


def test_where_nobody_watches_the_kind_it_is_told() -> None:
    desk = desk_with_deletion()

    assert only(desk.tell(clearing(resource="exportactions"), at=5.3)).actor.id == "eve"


def test_an_object_that_is_seen_to_be_gone_only_later_is_told_then_and_once() -> None:
    desk = desk_with_deletion()
    assert [*desk.tell(clearing(), at=5.3), *desk.settle(9.0)] == []
    desk.tell(gone(at=60.0), at=60.0)

    row = only([*desk.settle(62.0), *desk.settle(70.0)])
    assert (row.actor.id, row.attribution, row.target.name) == ("eve", "Correlated", "rp-1")


def test_an_object_that_is_gone_without_any_request_is_put_down_to_the_namespaces_deletion() -> None:
    desk = desk_with_deletion()
    desk.tell(gone(), at=5.3)

    row = only(desk.settle(9.0))
    assert (row.evidence, row.actor.id, row.attribution) == ("State", "eve", "Correlated")


@pytest.mark.parametrize(
    "other",
    [
        deletion("other"),
        deletion(code=403),
        deletion(at=20.0),
        deletion(objectRef={"resource": "namespaces", "name": "shop", "subresource": "finalize"}),
    ],
    ids=["other", "denied", "later", "finalize"],
)
def test_another_deletion_is_not_to_blame(other: AuditRecord) -> None:
    desk = with_audit()
    desk.take(other, clearing(responseObject=listed("rp-1")), at=20.3)

    (row,) = [row for row in activities(desk.settle(29.0)) if row.verb == "deletecollection"]
    assert row.actor.id == CONTROLLER


@pytest.mark.parametrize("fields", [{"user": "bob"}, {"impersonatedUser": {"username": CONTROLLER}, "user": "bob"}])
def test_only_the_controller_itself_clears_up(fields: dict[str, Any]) -> None:
    desk = desk_with_deletion()
    desk.tell(clearing(responseObject=listed("rp-1"), **fields), at=5.3)

    row = only(desk.settle(8.0))
    assert (row.actor.user, row.attribution) == ("bob", "Audited")


def test_the_controller_as_somebody_else_does_not_clear_up() -> None:
    desk = desk_with_deletion()
    desk.tell(clearing(responseObject=listed("rp-1"), impersonatedUser={"username": "bob"}), at=5.3)

    assert only(desk.settle(8.0)).actor.id == "bob"


def test_a_namespaces_deletion_that_is_heard_of_late_corrects_whom_the_clearing_up_is_blamed_on() -> None:
    desk = with_audit()
    desk.tell(clearing(responseObject=listed("rp-1")), at=5.3)
    first = only(desk.settle(8.0))
    assert first.actor.id == CONTROLLER
    desk.take(deletion(), at=20.0)

    rows = [*desk.settle(20.0), *desk.settle(29.0)]
    late = revision([row for row in rows if isinstance(row, Revision)])
    assert (late.former, late.activity.actor.id, late.activity.attribution) == (first, "eve", "Correlated")


def test_it_is_remembered_over_a_restart() -> None:
    desk = desk_with_deletion()
    desk.kill()
    desk.tell(clearing(responseObject=listed("rp-1")), at=3_600.0)

    assert only(desk.settle(3_603.0)).actor.id == "eve"


def test_a_persons_deletion_of_many_is_told_object_by_object_and_what_is_not_seen_as_a_rest() -> None:
    desk = with_audit(lag=0.3)
    asked = clearing(0.0, user="eve", responseObject=listed("rp-1", "rp-2", "rp-3"))
    desk.take(asked, gone("rp-1", at=0.2), gone("rp-2", at=0.2), at=0.3)

    rows = activities(desk.settle(9.0))
    assert sorted((row.target.name, row.target.count) for row in rows) == [("", 1), ("rp-1", 1), ("rp-2", 1)]
    assert len({row.key for row in rows}) == 3


def test_a_persons_deletion_of_many_that_shows_late_is_counted_as_it_was() -> None:
    desk = with_audit(lag=0.3)
    desk.tell(clearing(0.0, user="eve", responseObject=listed("rp-1", "rp-2")), at=0.3)
    first = only(desk.settle(3.0))
    assert first.target.count == 2
    desk.take(gone("rp-1", at=60.0), gone("rp-2", at=60.0), at=60.0)

    rows = [*desk.settle(61.0), *desk.settle(70.0)]
    assert [type(row) for row in rows] == [Revision, Revision]
    assert {row.activity.target.name for row in rows if isinstance(row, Revision)} == {"rp-1", "rp-2"}


def test_changes_that_were_told_before_their_deletion_of_many_came_are_all_put_down_to_it() -> None:
    desk = with_audit(lag=0.3)
    desk.take(gone("rp-1", at=0.2), gone("rp-2", at=0.2), at=0.3)
    assert len(activities(desk.settle(1.0))) == 2
    desk.tell(clearing(0.0, user="eve", responseObject=listed("rp-1", "rp-2", "rp-3")), at=20.0)

    rows = desk.settle(23.0)
    assert [row.activity.actor.id for row in rows if isinstance(row, Revision)] == ["eve", "eve"]
    (rest,) = [row for row in rows if not isinstance(row, Revision)]
    assert only([rest]).target.count == 1
