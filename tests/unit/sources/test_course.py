"""What a stream does next: after a start, a list, a watch, and each way to fail."""

from __future__ import annotations

from dataclasses import replace

import pytest

from auditwatch.cluster.errors import (
    ApiError,
    BadRequestError,
    ClusterError,
    ForbiddenError,
    GoneError,
    MethodNotAllowedError,
    NotFoundError,
    RequestLine,
    TooManyRequestsError,
    UnavailableError,
    UnreachableError,
)
from auditwatch.sources.state.course import (
    Course,
    Intervals,
    Step,
    accepted,
    begin,
    failed,
    listed,
    resumable_version,
    watched,
)
from auditwatch.sources.state.marks import Mark

LINE = RequestLine("watch", "config.kio.kasten.io", "policies")
INTERVALS = Intervals()
LISTING = Course(step=Step.LIST)
WATCHING = Course(step=Step.WATCH, state="Watching")


def refusal(kind: type[ApiError], status: int, message: str = "", retry_after: float | None = None) -> ApiError:
    return kind(LINE, status=status, reason="Reason", message=message, retry_after=retry_after)


def after(course: Course, error: ClusterError, *, jitter: float = 0.5, is_resumable: bool = True) -> Course:
    return failed(course, error, INTERVALS, jitter=jitter, is_resumable=is_resumable)


def test_a_start_without_a_mark_lists() -> None:
    assert begin(Mark()).step is Step.LIST


def test_a_start_with_a_mark_resumes_the_watch_at_once() -> None:
    assert begin(Mark(version="7")) == Course(step=Step.WATCH)


def test_a_start_of_a_kind_that_was_polled_lists() -> None:
    assert begin(Mark(version="", listing=4, started=4)).step is Step.LIST


def test_a_watch_follows_a_list_at_once() -> None:
    assert listed(replace(LISTING, failures=3, lost="x"), INTERVALS) == Course(step=Step.WATCH)


def test_a_kind_that_cannot_be_watched_is_listed_again_after_the_interval() -> None:
    polled = listed(replace(LISTING, watchable=False), INTERVALS)

    assert (polled.step, polled.delay, polled.state) == (Step.LIST, 60.0, "Polling")


def test_an_accepted_watch_is_watching_and_says_no_more() -> None:
    assert accepted(Course(step=Step.WATCH, state="Unavailable", message="refused")).state == "Watching"
    assert accepted(Course(step=Step.WATCH, message="refused")).message == ""


def test_a_watch_that_ended_in_order_is_resumed_at_once() -> None:
    assert watched(WATCHING, INTERVALS, seconds=240, is_resumable=True) == WATCHING


def test_a_watch_that_ended_at_once_is_resumed_after_a_pause() -> None:
    assert watched(WATCHING, INTERVALS, seconds=0.01, is_resumable=True).delay == INTERVALS.first_retry


def test_a_watch_that_cannot_be_resumed_is_followed_by_a_list() -> None:
    assert watched(WATCHING, INTERVALS, seconds=50, is_resumable=False).step is Step.LIST
    assert after(WATCHING, UnreachableError(LINE, "reset"), is_resumable=False).step is Step.LIST


@pytest.mark.parametrize(("version", "resumable"), [("", ""), ("0", ""), ("7", "7"), ("00", "00")])
def test_a_version_that_means_any_is_none_to_resume_from(version: str, resumable: str) -> None:
    assert resumable_version(version) == resumable


@pytest.mark.parametrize("error", [refusal(GoneError, 410), refusal(BadRequestError, 400, "invalid resource version")])
def test_a_watch_without_history_lists_at_once_and_remembers_the_loss(error: ApiError) -> None:
    course = after(WATCHING, error)

    assert (course.step, course.delay, course.state) == (Step.LIST, 0.0, "Listing")
    assert course.lost


def test_the_loss_is_remembered_until_a_list_is_complete() -> None:
    lost = after(WATCHING, refusal(GoneError, 410))

    assert after(lost, UnreachableError(LINE, "reset")).lost == lost.lost
    assert after(lost, refusal(ForbiddenError, 403)).lost == lost.lost
    assert listed(lost, INTERVALS).lost == ""


def test_a_list_whose_next_page_is_gone_begins_again_and_has_lost_nothing() -> None:
    course = after(LISTING, refusal(GoneError, 410))

    assert (course.step, course.lost) == (Step.LIST, "")
    assert course.delay > 0


def test_a_server_behind_what_was_seen_is_believed_only_after_a_while() -> None:
    behind = refusal(UnavailableError, 504, "Too large resource version: 9, current: 5")
    course = WATCHING
    steps = []
    for _ in range(5):
        course = after(course, behind)
        steps.append(course.step)

    assert steps == [Step.WATCH] * 4 + [Step.LIST]
    assert "storage" in course.lost


def test_a_refused_watch_is_followed_by_a_list_at_once_and_never_tried_again() -> None:
    course = after(WATCHING, refusal(MethodNotAllowedError, 405))

    assert (course.step, course.delay, course.state, course.watchable) == (Step.LIST, 0.0, "Polling", False)
    assert listed(course, INTERVALS).step is Step.LIST


def test_a_missing_right_is_told_and_asked_for_again() -> None:
    course = after(WATCHING, refusal(ForbiddenError, 403, "no"))

    assert (course.step, course.state, course.delay) == (Step.WATCH, "Forbidden", 5.0), "it may have just started"
    assert after(course, refusal(ForbiddenError, 403, "no")).delay == 60.0
    assert "watch policies.config.kio.kasten.io" in course.message


def test_a_kind_that_is_not_there_is_looked_for_every_ten_seconds() -> None:
    course = after(LISTING, refusal(NotFoundError, 404))

    assert (course.step, course.state, course.delay) == (Step.LIST, "NotServed", 10.0)


def test_a_server_that_asks_for_patience_gets_it() -> None:
    course = after(LISTING, refusal(TooManyRequestsError, 429, retry_after=7.0), jitter=0.0)

    assert (course.state, course.delay) == ("Unavailable", 7.0)


def test_retries_slow_down_to_a_limit() -> None:
    course, delays = WATCHING, []
    for _ in range(40):
        course = after(course, UnreachableError(LINE, "refused"))
        delays.append(course.delay)

    assert delays[:6] == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0]
    assert delays[-1] == 30.0
    assert course.step is Step.WATCH


@pytest.mark.parametrize(("jitter", "delay"), [(0.0, 0.75), (1.0, 1.25)])
def test_retries_of_many_streams_are_spread(jitter: float, delay: float) -> None:
    assert after(WATCHING, UnreachableError(LINE, "refused"), jitter=jitter).delay == delay
