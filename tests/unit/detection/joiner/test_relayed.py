"""The API server's event of a request and what K10's own server recorded of it are one activity."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from auditwatch.events.audit import AuditRecord
from tests.unit.detection.joiner.making import APPS, Desk, activities, event, only, revision, with_audit

VAULT = "vault.kio.kasten.io"
PASSKEY: dict[str, Any] = {"group": VAULT, "resource": "passkeys", "namespace": "", "name": "k1", "auditID": "id-1"}
OBJECT = {"metadata": {"name": "k1", "uid": "u1"}, "spec": {"usagePolicy": "x"}}


def front(verb: str = "create", **fields: Any) -> AuditRecord:
    return event(verb, **{**PASSKEY, **fields})


def behind(verb: str = "create", **fields: Any) -> AuditRecord:
    told: dict[str, Any] = {"evidence": "K10Stream", "source": "k10", "instance": "pod-1", "at": 0.01, "took": 0.05}
    return event(verb, **{**PASSKEY, **told, "responseObject": OBJECT, **fields})


def with_both(*, lag: float = 1.0) -> Desk:
    """A desk that has heard of both, of passkeys from both."""
    desk = with_audit(lag=lag)
    desk.tell(behind("get", at=-50.0, auditID="earlier"), at=-49.0)
    desk.tell(front("get", at=-50.0, auditID="earlier"), at=-49.0)
    desk.settle(-40.0)
    return desk


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_both_tellings_are_one_with_the_identity_of_one_and_the_bodies_of_the_other(order: tuple[int, int]) -> None:
    desk = with_both()
    told = [front(), behind()]
    for place, index in enumerate(order):
        desk.take(told[index], at=0.2 + place / 10)
    row = only([*desk.settle(0.4), *desk.settle(9.0)])

    assert (row.evidence, row.attribution, row.actor.id) == ("Audited", "Audited", "eve")
    assert isinstance(row.object, dict)
    assert (row.object["spec"], row.target.uid) == ({"usagePolicy": "x"}, "u1")
    assert not isinstance(row.client, msgspec.UnsetType)


def test_where_no_audit_log_is_read_k10s_own_record_is_told_at_once() -> None:
    row = only(Desk().tell(behind(), at=0.2))

    assert (row.evidence, row.attribution) == ("K10Stream", "Correlated")


def test_k10s_own_record_waits_for_the_api_servers_as_long_as_that_comes_late() -> None:
    desk = with_both(lag=6.0)
    assert desk.tell(behind(), at=0.2) == []
    assert desk.settle(6.1) == []

    assert only(desk.settle(6.3)).evidence == "K10Stream"


def test_an_event_waits_for_k10s_record_only_of_kinds_that_k10_is_known_to_record() -> None:
    desk = with_both()

    assert desk.tell(front(), at=0.2) == []
    assert len(activities(desk.tell(front(resource="others", auditID="id-2", user="bob"), at=0.3))) == 1


def test_a_record_that_comes_late_adds_the_bodies() -> None:
    desk = with_both()
    desk.tell(front(), at=0.2)
    first = only(desk.settle(3.0))

    late = revision([*desk.tell(behind(), at=9.0), *desk.settle(11.0)])
    assert (late.former, late.activity.key, late.activity.attribution) == (first, first.key, "Audited")
    assert isinstance(late.activity.object, dict)


def test_an_event_that_comes_late_adds_who_authenticated() -> None:
    desk = with_both()
    desk.tell(behind(user="person"), at=0.2)
    first = only(desk.settle(3.0))

    impersonated = front(user="k10", impersonatedUser={"username": "person"})
    late = revision([*desk.tell(impersonated, at=9.0), *desk.settle(12.0)])
    assert (late.former, late.activity.key, late.activity.attribution) == (first, first.key, "Audited")
    assert (late.activity.actor.id, late.activity.actor.user) == ("person", "k10")
    assert late.activity.object == first.object


def test_a_request_that_the_client_hung_up_on_went_as_k10_says() -> None:
    desk = with_both()
    desk.take(front("delete", code=503), behind("delete", code=200), at=0.2)

    assert only(desk.settle(5.0)).outcome == "Succeeded"


def test_a_request_of_which_only_the_beginning_was_logged_went_as_k10_says() -> None:
    desk = with_both()
    desk.take(front("delete", stage="RequestReceived"), behind("delete"), at=0.2)

    row = only(desk.settle(5.0))
    assert (row.outcome, row.evidence, row.actor.id) == ("Succeeded", "Audited", "eve")


@pytest.mark.parametrize(
    "other",
    [
        behind(user="bob"),
        behind(query="?a=b"),
        behind("delete"),
        behind(at=30.0),
        behind(code=404),
        behind(group=APPS),
    ],
    ids=["user", "uri", "verb", "time", "code", "group"],
)
def test_what_differs_is_another_request(other: AuditRecord) -> None:
    desk = with_both()
    desk.take(front(), other, at=31.0)

    assert len(activities(desk.settle(80.0))) == 2


def test_an_audit_id_used_twice_joins_one_record_with_one_event() -> None:
    desk = with_both()
    desk.take(front(at=0.0), front(at=1.0), behind(at=0.01), behind(at=1.01), at=2.0)

    rows = activities(desk.settle(9.0))
    assert [row.time - rows[0].time for row in rows] == [0.0, pytest.approx(1.0)]
    assert all(isinstance(row.object, dict) for row in rows)


def test_two_events_are_never_one_whatever_k10_recorded() -> None:
    desk = with_both()
    desk.take(front(at=0.0), front(at=0.5), behind(), at=1.0)

    assert len(activities(desk.settle(9.0))) == 2


OTHER: dict[str, Any] = {"auditID": "id-2"}


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_record_under_another_audit_id_is_of_the_one_request_like_it(order: tuple[int, int]) -> None:
    desk = with_both()
    told = [front(), behind(**OTHER)]
    for place, index in enumerate(order):
        desk.take(told[index], at=0.2 + place / 10)
    row = only([*desk.settle(2.5), *desk.settle(9.0)])

    assert (row.evidence, row.attribution, row.actor.id) == ("Audited", "Audited", "eve")
    assert isinstance(row.object, dict)
    assert desk.inbox == {}


@pytest.mark.parametrize(
    "other",
    [
        behind(user="bob", **OTHER),
        behind(query="?a=b", **OTHER),
        behind("delete", **OTHER),
        behind(at=30.0, **OTHER),
        behind(code=404, **OTHER),
        behind(name="k2", **OTHER),
        front(**OTHER),
    ],
    ids=["user", "uri", "verb", "time", "code", "name", "server"],
)
def test_under_another_audit_id_what_differs_is_another_request(other: AuditRecord) -> None:
    desk = with_both()
    desk.take(front(), other, at=31.0)

    assert len(activities(desk.settle(80.0))) == 2


@pytest.mark.parametrize(
    ("records", "rows"),
    [
        ([front(), behind(**OTHER), behind(at=0.2, auditID="id-3")], 3),
        ([front(), front(at=0.2, auditID="id-4"), behind(**OTHER)], 3),
        ([front(), behind(), behind(at=0.2, **OTHER)], 2),
    ],
    ids=["two records", "two events", "one has its own"],
)
def test_where_it_may_be_of_several_a_record_stays_by_itself(records: list[AuditRecord], rows: int) -> None:
    desk = with_both()
    desk.take(*records, at=0.5)

    assert len(activities([*desk.settle(3.0), *desk.settle(9.0)])) == rows


def test_a_record_under_another_audit_id_is_not_told_twice_after_a_kill() -> None:
    desk = with_both()
    desk.take(front(), behind(**OTHER), at=0.2)
    desk.kill()
    only([*desk.settle(2.5), *desk.settle(9.0)])
    desk.kill()
    desk.take(behind(**OTHER), at=10.0)

    assert desk.settle(20.0) == []
