"""Requests to an API that answered nobody have failed, unless what they were to change turns out to be changed."""

from __future__ import annotations

from typing import Any

import pytest

from auditwatch.detection.joiner import outages
from auditwatch.detection.joiner.outages import Outages
from auditwatch.events.activity import Activity, Gap, LogRow
from tests.unit.detection.joiner.making import START, change, event, gap, only, revision, with_audit


def outage(**bounds: Any) -> Gap:
    return gap("SourceUnavailable", **{"start": -5.0, "end": 5.0, **bounds})


def without_gaps(rows: list[LogRow]) -> list[LogRow]:
    return [row for row in rows if not isinstance(row, Gap)]


@pytest.mark.parametrize("fields", [{"code": 503}, {"stage": "RequestReceived"}], ids=["refused", "never completed"])
def test_a_request_told_before_the_outage_was_known_is_corrected_and_not_counted_again(fields: dict[str, Any]) -> None:
    desk = with_audit()
    desk.tell(event("delete", **fields), at=0.2)
    first = only(desk.settle(70.0))
    assert first.outcome == "Unknown"

    late = revision(without_gaps(desk.tell(outage(), at=80.0)))
    assert (late.former, late.activity.key, late.activity.outcome) == (first, first.key, "Failed")


@pytest.mark.parametrize(
    ("asked", "bounds"),
    [
        (event("delete"), {}),
        (event("delete", code=403), {}),
        (event("get", code=503), {}),
        (event("delete", code=503, at=6.0), {}),
        (event("delete", code=503), {"subject": "pods"}),
    ],
    ids=["succeeded", "denied", "read", "afterwards", "another kind"],
)
def test_of_other_requests_an_outage_says_nothing(asked: Any, bounds: dict[str, Any]) -> None:
    desk = with_audit()
    desk.tell(asked, at=6.2)
    desk.settle(10.0)

    assert without_gaps(desk.tell(outage(**bounds), at=20.0)) == []


@pytest.mark.parametrize("is_first", [True, False], ids=["outage first", "request first"])
def test_a_change_that_shows_after_the_outage_says_that_it_succeeded(*, is_first: bool) -> None:
    desk = with_audit()
    for record in (outage(), event("delete", code=503)) if is_first else (event("delete", code=503), outage()):
        desk.tell(record, at=0.3)
        desk.settle(5.0)
    told = desk.recall(len(desk.log))
    assert told is not None
    assert told.outcome == "Failed"

    late = revision([*desk.tell(change("delete", at=9.0, manner="List"), at=9.0), *desk.settle(12.0)])
    assert (late.activity.outcome, late.activity.key) == ("Succeeded", told.key)


def test_an_end_that_is_told_after_the_outage_is_believed() -> None:
    desk = with_audit()
    desk.tell(event("delete", stage="RequestReceived"), outage(), at=0.2)
    desk.settle(70.0)

    assert revision(desk.tell(event("delete"), at=80.0)).activity.outcome == "Succeeded"


def test_what_a_change_was_found_to_be_the_work_of_did_not_fail() -> None:
    desk = with_audit(lag=0.3)
    desk.take(event(code=503), change(), at=0.2)
    assert only(desk.settle(5.0)).outcome == "Succeeded"

    assert without_gaps(desk.tell(outage(), at=20.0)) == []


@pytest.mark.parametrize("asked_at", [0.2, 3.0])
def test_an_outage_is_known_after_a_restart(asked_at: float) -> None:
    desk = with_audit()
    desk.tell(outage(), at=asked_at)
    desk.kill()
    desk.tell(event("delete", code=503), at=6.0)

    row = next(row for row in desk.settle(9.0) if isinstance(row, Activity))
    assert row.outcome == "Failed"


def test_outages_are_forgotten_an_hour_after_they_ended_or_where_there_are_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outages, "MAX_OUTAGES", 2)
    found = Outages()
    assert not found.note(gap("HistoryLost"))
    for start in (0.0, 1.0, 2.0):
        assert found.note(outage(start=start, end=10.0 + start))
    assert len(found.take_dirty()) == 3

    found.expire(START + 20.0)
    assert list(found.take_dirty().values()) == [None]
    found.expire(START + 11.0 + outages.REMEMBERED_SECONDS)
    assert found.take_dirty() == {}
    found.expire(START + 11.1 + outages.REMEMBERED_SECONDS)
    assert list(found.take_dirty().values()) == [None]
