"""A request is one activity, whatever stages of it were logged, where, how often and in which order."""

from __future__ import annotations

from typing import Any

import pytest

from auditwatch.events.activity import Activity
from auditwatch.events.audit import AuditRecord
from tests.unit.detection.joiner.making import Desk, activities, change, event, gap, only, revision, with_audit

EXEC: dict[str, Any] = {
    "verb": "get",
    "group": "",
    "resource": "pods",
    "objectRef": {"resource": "pods", "subresource": "exec", "namespace": "kasten-io", "name": "daily"},
}


def session(stage: str, **fields: Any) -> AuditRecord:
    took = {"RequestReceived": 0.0, "ResponseStarted": 0.1, "ResponseComplete": 900.0}[stage]
    return event(stage=stage, code=101, took=took, **{**EXEC, **fields})


def test_the_final_stage_tells_of_a_request() -> None:
    desk = Desk()
    assert desk.tell(event("get", stage="RequestReceived"), at=0.0) == []

    row = only(desk.tell(event("get"), at=0.2))
    assert (row.outcome, row.response.code) == ("Succeeded", 200)  # type: ignore[union-attr]
    assert desk.inbox == {}


def test_a_stage_that_comes_after_the_end_says_nothing_new() -> None:
    desk = Desk()
    desk.tell(event("get"), at=0.2)

    assert desk.tell(event("get", stage="RequestReceived"), at=30.0) == []
    assert desk.inbox == {}


def test_a_session_is_told_of_when_it_begins_and_not_again_when_it_ends() -> None:
    desk = Desk()
    assert len(desk.tell(session("RequestReceived"), at=0.0)) == 0
    assert len(activities(desk.tell(session("ResponseStarted"), at=0.2))) == 1

    assert desk.tell(session("ResponseComplete"), at=901.0) == []
    desk.kill()
    assert desk.tell(session("RequestReceived", instance="api-2"), at=5_000.0) == []


def test_a_session_of_which_only_the_end_is_known_is_told_of_then() -> None:
    assert len(activities(Desk().tell(session("ResponseComplete"), at=901.0))) == 1


def test_who_could_not_be_authenticated_is_told_of_when_the_answer_begins() -> None:
    row = only(Desk().tell(event("get", code=401, stage="ResponseStarted", user=""), at=0.2))

    assert (row.outcome, row.actor.kind) == ("Denied", "Unauthenticated")


def test_a_completion_that_never_comes_leaves_the_outcome_unknown_after_a_bounded_wait() -> None:
    desk = with_audit(lag=5.0)
    assert desk.tell(event("delete", stage="RequestReceived"), at=0.0) == []
    assert desk.settle(64.0) == []

    row = only(desk.settle(66.0))
    assert (row.outcome, row.actor.id, row.verb) == ("Unknown", "eve", "delete")


def test_a_completion_that_comes_after_that_says_how_it_went_and_counts_nothing() -> None:
    desk = Desk()
    desk.tell(event("delete", stage="RequestReceived"), at=0.0)
    first = only(desk.settle(70.0))

    late = revision(desk.tell(event("delete"), at=80.0))
    assert (late.sequence, late.former, late.activity.outcome) == (1, first, "Succeeded")
    assert late.activity.key == first.key


def test_the_same_request_from_a_file_and_a_webhook_is_one_even_where_one_copy_is_damaged() -> None:
    desk = Desk({"hold": lambda _row: 1.0})
    whole = event("get", source="webhook")
    torn = event("get", source="audit-log", responseStatus=None, level="Metadata", annotations={"a": 1})
    assert "FieldsUnreadable" in torn.degraded
    desk.take(torn, at=0.2)
    desk.take(whole, at=0.3)

    row = only(desk.settle(5.0))
    assert (row.outcome, row.degraded) == ("Succeeded", ())


@pytest.mark.parametrize("other", [{"at": 0.5}, {"user": "bob"}, {"query": "?a=b"}, {"verb": "list"}], ids=str)
def test_two_requests_are_never_one_because_their_client_gave_them_one_audit_id(other: dict[str, Any]) -> None:
    one, two = event(verb="get", auditID="mine"), event(**{"verb": "get", **other}, auditID="mine")

    assert len(activities(Desk().tell(one, two, at=1.0))) == 2


@pytest.mark.parametrize("code", [500, 503, 504])
def test_an_outcome_that_is_unknown_is_settled_by_state(code: int) -> None:
    desk = with_audit(lag=0.3)
    desk.take(event(code=code), change(), at=0.2)

    row = only(desk.settle(5.0))
    assert (row.outcome, row.attribution, row.actor.id) == ("Succeeded", "Correlated", "eve")


def test_a_request_that_panicked_may_have_been_executed() -> None:
    desk = with_audit(lag=0.3)
    desk.take(event("delete", stage="Panic", code=500), change("delete"), at=0.2)

    assert only(desk.settle(5.0)).outcome == "Succeeded"


def test_a_request_of_which_only_the_beginning_was_logged_is_found_by_what_it_changed() -> None:
    desk = with_audit(lag=2.0)
    desk.take(event(stage="RequestReceived"), change(), at=0.2)
    assert desk.settle(2.1) == []

    row = only(desk.settle(2.3))
    assert (row.outcome, row.actor.id, row.attribution) == ("Succeeded", "eve", "Correlated")


def test_an_outcome_that_nothing_settles_stays_unknown() -> None:
    desk = with_audit()
    desk.take(event("delete", code=503), at=0.2)

    assert only(desk.settle(5.0)).outcome == "Unknown"


def test_a_request_to_an_api_that_was_down_has_failed() -> None:
    desk = with_audit()
    desk.take(gap("SourceUnavailable", start=-5.0, end=5.0), at=0.3)
    desk.take(event("delete", code=503), at=0.2)

    row = next(row for row in desk.settle(9.0) if isinstance(row, Activity))
    assert row.outcome == "Failed"


@pytest.mark.parametrize(("start", "end", "subject"), [(0.05, 5.0, ""), (-5.0, 0.05, ""), (-5.0, 5.0, "pods")])
def test_an_api_that_answered_somebody_meanwhile_was_not_down(start: float, end: float, subject: str) -> None:
    desk = with_audit()
    outage = gap("SourceUnavailable", start=start, end=end, **({"subject": subject} if subject else {}))
    desk.take(outage, event("delete", code=503), at=0.2)

    row = next(row for row in desk.settle(9.0) if isinstance(row, Activity))
    assert row.outcome == "Unknown"


def test_what_a_request_changed_counts_more_than_an_outage() -> None:
    desk = with_audit(lag=0.3)
    desk.take(gap("SourceUnavailable", start=-5.0, end=5.0), event(code=503), change(), at=0.2)

    row = next(row for row in desk.settle(9.0) if isinstance(row, Activity))
    assert row.outcome == "Succeeded"
