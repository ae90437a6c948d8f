"""A change no request explains is a gap only where the source has proven that it would have told of one."""

from __future__ import annotations

from typing import Any

import pytest

from auditwatch.events.activity import Activity, Gap, Revision
from tests.unit.detection.joiner.making import APPS, START, Desk, change, event, heard, with_audit

VERBS = {"create": ("create",), "update": ("update", "patch"), "delete": ("delete",)}


def proven(*verbs: str, **fields: Any) -> Desk:
    """A desk that has been told of successes of these verbs, of policies."""
    desk = with_audit(lag=1.0)
    for verb in verbs:
        desk.tell(event(verb, "other", at=-40.0, **fields), at=-39.0)
    desk.settle(-30.0)
    return desk


def gaps(desk: Desk, *, since: int = 0) -> list[Gap]:
    return [row for row in desk.log[since:] if isinstance(row, Gap) and row.reason == "UnexplainedChange"]


def unexplained(desk: Desk, *, watermark: float = 10.0, **fields: Any) -> list[Gap]:
    """The gaps after a change that nobody explains, once the source has told of ``watermark``."""
    desk.tell(change(**fields), at=0.2)
    desk.settle(2.0)
    desk.tell(heard(at=watermark), at=watermark + 1.0)
    return gaps(desk)


@pytest.mark.parametrize("verb", ["create", "update", "delete"])
def test_a_change_that_a_proven_source_does_not_explain_is_a_gap_with_bounds(verb: str) -> None:
    (gap,) = unexplained(proven(*VERBS[verb]), verb=verb)

    assert (gap.source, gap.subject) == ("audit-log", "config.kio.kasten.io/policies")
    assert (gap.start, gap.end) == (START - 30.0, START + 0.1)
    assert "kasten-io/policies/daily" in gap.message


def test_the_change_itself_is_told_before_and_once() -> None:
    desk = proven("update", "patch")
    unexplained(desk)
    changes = [row for row in desk.log if isinstance(row, Activity) and row.evidence == "State"]

    assert [row.attribution for row in changes] == ["Unknown"]


@pytest.mark.parametrize("verbs", [(), ("update",), ("patch",), ("create", "delete")])
def test_it_is_merely_unattributed_where_not_all_requests_that_may_have_made_it_are_known_to_be_logged(
    verbs: tuple[str, ...],
) -> None:
    assert unexplained(proven(*verbs)) == []


def test_a_kind_nobody_proved_is_merely_unattributed() -> None:
    assert unexplained(proven("update", "patch", resource="profiles")) == []


def test_a_refusal_proves_nothing() -> None:
    assert unexplained(proven("update", "patch", code=403)) == []


@pytest.mark.parametrize("watermark", [0.0, 2.0])
def test_it_is_no_gap_before_the_source_has_told_of_something_later(watermark: float) -> None:
    assert unexplained(proven("update", "patch"), watermark=watermark) == []


def test_it_is_no_gap_while_one_api_server_is_behind() -> None:
    desk = proven("update", "patch")
    desk.tell(heard(at=-20.0, instance="api-2"), at=-19.0)
    assert unexplained(desk) == []

    desk.tell(heard(at=12.0, instance="api-2"), at=13.0)
    assert len(gaps(desk)) == 1


def test_proof_of_life_moves_the_watermark_too() -> None:
    desk = proven("update", "patch")
    desk.tell(change(), at=0.2)
    desk.settle(2.0)
    desk.joiner.alive("audit-log", "api-1", evidence="Audited", time=START + 10.0, now=START + 11.0)
    desk.settle(11.0)

    assert len(gaps(desk)) == 1


def test_an_event_that_comes_before_the_gap_is_decided_explains_it() -> None:
    desk = proven("update", "patch")
    desk.tell(change(), at=0.2)
    desk.settle(2.0)
    desk.tell(event(), at=5.0)
    assert isinstance(desk.settle(7.1)[0], Revision)
    desk.tell(heard(at=10.0), at=11.0)

    assert gaps(desk) == []


def test_a_change_whose_event_is_here_and_waits_is_no_gap() -> None:
    desk = proven("update", "patch")
    desk.tell(change(), at=0.2)
    desk.settle(2.0)
    desk.take(event(), heard(at=10.0), at=11.0)
    desk.settle(11.0)
    desk.settle(14.0)

    assert gaps(desk) == []


def test_what_k10s_own_server_changes_by_itself_is_no_gap() -> None:
    points: dict[str, Any] = {"group": APPS, "resource": "restorepoints", "namespace": "shop"}
    assert unexplained(proven("delete", **points), verb="delete", **points) == []


def test_the_end_of_a_deletion_that_was_only_waiting_is_no_gap() -> None:
    waiting = {"metadata": {"name": "daily", "deletionTimestamp": "2027-01-15T08:00:00Z"}}

    assert unexplained(proven("delete"), verb="delete", old=waiting) == []


def reads_up(desk: Desk) -> None:
    """A source is turned on: it tells of everything in its log, old and new, and goes on."""
    old = [event(verb, "other", at=-40.0) for verb in ("update", "patch")]
    desk.tell(*old, heard(at=20.0), at=21.0)
    desk.settle(30.0)
    desk.tell(heard(at=40.0), at=41.0)


@pytest.mark.parametrize("is_killed", [False, True])
def test_a_change_told_before_there_was_the_source_is_never_held_against_it(*, is_killed: bool) -> None:
    desk = Desk()
    desk.tell(heard(at=-60.0, source="k10", evidence="K10Stream"), at=-60.0)
    desk.tell(change(), at=0.2)
    desk.settle(2.0)
    if is_killed:
        desk.kill()
    reads_up(desk)
    assert gaps(desk) == []

    desk.tell(change(name="next", at=50.0, since=45.0), at=50.2)
    desk.settle(99.0)
    desk.tell(heard(at=110.0), at=111.0)
    assert [gap.end for gap in gaps(desk)] == [START + 50.0]


def test_a_change_that_may_have_been_made_before_there_was_the_source_is_not_held_against_it() -> None:
    desk = Desk()
    reads_up(desk)
    desk.tell(change(at=50.0, since=20.0, manner="List"), at=50.2)
    desk.settle(99.0)
    desk.tell(heard(at=110.0), at=111.0)

    assert gaps(desk) == []


def test_what_a_source_proves_after_a_change_is_told_says_nothing_of_what_it_logged_before() -> None:
    desk = with_audit(lag=1.0)
    desk.tell(change(), at=0.2)
    desk.settle(2.0)
    desk.tell(event("update", "other", at=5.0), event("patch", "other", at=6.0), at=7.0)
    desk.tell(heard(at=20.0), at=21.0)

    assert gaps(desk) == []


def test_each_is_reported_once_and_after_a_restart_too() -> None:
    desk = proven("update", "patch")
    desk.tell(change(), at=0.2)
    desk.settle(2.0)
    desk.kill()
    desk.tell(heard(at=10.0), at=11.0)
    assert len(gaps(desk)) == 1

    desk.kill()
    desk.tell(heard(at=20.0), at=21.0)
    assert len(gaps(desk)) == 1
