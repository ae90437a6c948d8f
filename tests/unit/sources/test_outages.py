"""An API that answered nobody for a while is told of once it answers again, and with the bounds that are known."""

from __future__ import annotations

from itertools import count

import pytest

from auditwatch.cluster.errors import (
    ApiError,
    ClusterError,
    ForbiddenError,
    GoneError,
    TooManyRequestsError,
    UnavailableError,
    UnreachableError,
)
from auditwatch.journal.journal import Journal
from auditwatch.sources.state.outages import Outage, Outages, Unanswered
from tests.unit.sources.making import POLICIES, START, STREAM, gaps, raw, record
from tests.unit.sources.test_following import WATCH, followed, modified, page, refused

DOWN = refused(UnavailableError, 503)


def test_it_lasts_from_the_first_to_the_last_request_nobody_answered() -> None:
    found = Outages()
    for at in (1.0, 2.0, 9.0):
        found.failed(DOWN, at)
    assert found.take() == []
    found.answered()
    found.answered()

    assert found.take() == [Outage(1.0, 9.0)]
    assert found.take() == []


def test_a_single_failure_is_none() -> None:
    found = Outages()
    found.failed(DOWN, 1.0)
    found.answered()

    assert found.take() == []


@pytest.mark.parametrize(
    "error",
    [
        refused(UnavailableError, 500),
        refused(UnavailableError, 504),
        refused(TooManyRequestsError, 429),
        refused(ForbiddenError, 403),
        refused(GoneError, 410),
    ],
    ids=lambda error: str(error.status),
)
def test_an_error_that_a_server_answers_with_ends_it(error: ApiError) -> None:
    found = Outages()
    for failure, at in ((DOWN, 1.0), (DOWN, 2.0), (error, 3.0), (error, 4.0), (DOWN, 5.0), (DOWN, 7.0)):
        found.failed(failure, at)
    assert found.take() == [Outage(1.0, 2.0)]
    found.answered()

    assert found.take() == [Outage(5.0, 7.0)]


@pytest.mark.parametrize("error", [DOWN, refused(UnavailableError, 502), UnreachableError(WATCH, "refused")], ids=str)
async def test_a_stream_tells_of_it_once_after_its_list(journal: Journal, error: ClusterError) -> None:
    clock = count(int(START))
    report, _ = await followed(journal, error, error, error, page(raw("a")), [[]], clock=lambda: float(next(clock)))
    assert report.state == "Watching"

    (told,) = gaps(journal)
    assert (told.reason, told.subject, told.source) == ("SourceUnavailable", POLICIES.key, "state")
    assert report.last_proof_of_life is not None
    assert START <= told.start < told.end <= report.last_proof_of_life


async def test_a_watch_that_is_answered_again_tells_of_it(journal: Journal) -> None:
    clock = count(int(START))
    lines = [modified(raw("b", version="101"), "ADDED")]
    down = UnreachableError(WATCH, "refused")
    await followed(journal, page(raw("a")), down, down, [lines], clock=lambda: float(next(clock)))

    assert [told.reason for told in gaps(journal)] == ["SourceUnavailable"]


async def test_a_defect_of_ours_is_no_outage(journal: Journal) -> None:
    clock = count(int(START))
    broken = ZeroDivisionError("by zero")
    await followed(journal, broken, broken, broken, page(raw("a")), [[]], clock=lambda: float(next(clock)))

    assert gaps(journal) == []


def test_the_same_outage_twice_is_one_gap(journal: Journal) -> None:
    delivery = Unanswered(stream=STREAM, outage=Outage(START, START + 40.0))
    record(journal, delivery, delivery)

    (told,) = gaps(journal)
    assert told.message == f"the API of {POLICIES.key} answered nobody for 40 s"
    assert delivery.size > 0
