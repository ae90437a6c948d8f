"""Which part of a log is read next, and what is lost between two parts."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from auditwatch.cluster.errors import (
    ApiError,
    BadRequestError,
    ClusterError,
    ForbiddenError,
    NotFoundError,
    RequestLine,
    TooManyRequestsError,
    UnavailableError,
    UnreachableError,
)
from auditwatch.events.canary import Stretch
from auditwatch.sources.k10stream.course import (
    Intervals,
    Reading,
    Trouble,
    departed,
    hole,
    lives_lost,
    next_reading,
    previous_lost,
    trouble,
)
from auditwatch.sources.k10stream.marks import Position
from auditwatch.sources.k10stream.pods import ContainerRun
from tests.unit.sources.k10stream.making import POD, START

BEGAN = START - 1000
NOW = START + 500
RUN = ContainerRun(pod=POD, uid="u", restarts=0, started=START - 5000)
AT = Position(pod=POD, uid="u", restarts=0, time=START)
LINE = RequestLine("get", "", "pods/log", "kasten-io", POD)


def after(position: Position | None, run: ContainerRun, rewind: float | None = None) -> Reading:
    return next_reading(position, run, began=BEGAN, rewind=rewind)


def lives(restarts: int, *, started: float = START + 100) -> ContainerRun:
    return replace(RUN, restarts=restarts, started=started)


def test_a_new_pod_is_read_since_the_stream_was_first_followed() -> None:
    assert after(None, RUN) == Reading(restarts=0, since=BEGAN)


def test_of_a_new_pod_that_has_restarted_already_the_former_life_is_read_first() -> None:
    assert after(None, lives(1)) == Reading(restarts=0, previous=True, since=BEGAN)


def test_what_was_before_the_stream_was_followed_is_left_alone() -> None:
    assert after(None, lives(3, started=BEGAN - 1)) == Reading(restarts=3, since=BEGAN)


def test_the_same_life_goes_on_a_little_before_the_last_line_which_has_to_come_again() -> None:
    assert after(AT, RUN) == Reading(restarts=0, since=START - 2, must_reach=START)


def test_lines_that_are_understood_now_are_read_anew() -> None:
    assert after(AT, RUN, rewind=START - 60).since == START - 62
    assert after(AT, RUN, rewind=START + 60).since == START - 2
    assert after(AT, lives(1), rewind=START - 60).since == START - 62


def test_after_a_restart_the_life_before_is_read_to_its_end_first() -> None:
    assert after(AT, lives(1)) == Reading(restarts=0, previous=True, since=START - 2, must_reach=START)


def test_a_life_read_to_its_end_is_followed_by_the_next_from_its_beginning() -> None:
    over = msgspec.structs.replace(AT, is_read_out=True)

    assert after(over, lives(1)) == Reading(restarts=1)
    assert after(over, lives(2)) == Reading(restarts=1, previous=True, since=START - 2)


def test_of_several_restarts_the_last_life_is_read_and_need_not_hold_the_last_line() -> None:
    assert after(AT, lives(3)) == Reading(restarts=2, previous=True, since=START - 2)


def test_a_kubelet_that_is_late_does_not_take_us_back() -> None:
    ahead = msgspec.structs.replace(AT, restarts=2)

    assert after(ahead, lives(1)) == Reading(restarts=2, since=START - 2, must_reach=START)


def test_lines_of_a_life_the_kubelet_had_not_told_of_are_not_taken_for_those_of_the_former() -> None:
    assert after(AT, lives(1, started=START - 1)) == Reading(restarts=0, previous=True, since=BEGAN)


@pytest.mark.parametrize("first", [START, START - 1.5])
def test_a_line_that_comes_again_shows_that_nothing_is_missing(first: float) -> None:
    assert hole(after(AT, RUN), RUN, first_line=first, now=NOW) is None


def test_a_line_that_does_not_come_again_shows_a_hole_with_bounds() -> None:
    lost = hole(after(AT, RUN), RUN, first_line=START + 7, now=NOW)

    assert lost is not None
    assert (lost.stretch, lost.reason) == (Stretch(START, START + 7), "LogRotated")
    assert POD in lost.message


def test_an_empty_former_life_is_a_hole_until_the_present_one_began() -> None:
    lost = hole(after(AT, lives(1)), lives(1), first_line=None, now=NOW)

    assert lost is not None
    assert lost.stretch == Stretch(START, START + 100)


def test_where_nothing_was_read_before_there_is_no_hole() -> None:
    assert hole(after(None, RUN), RUN, first_line=START + 7, now=NOW) is None


@pytest.mark.parametrize("position", [AT, msgspec.structs.replace(AT, restarts=-1, is_read_out=True)])
def test_lives_between_the_last_read_and_the_last_kept_are_lost(position: Position) -> None:
    assert lives_lost(position, lives(1), first_line=START + 50, now=NOW) is None

    lost = lives_lost(position, lives(2), first_line=START + 50, now=NOW)

    assert lost is not None
    assert (lost.stretch, lost.reason) == (Stretch(START, START + 50), "LogLost")
    assert POD in lost.message


def test_a_former_log_that_is_gone_is_lost_until_the_present_life() -> None:
    known = previous_lost(AT, lives(1), began=BEGAN, now=NOW, reason="not found")
    fresh = previous_lost(None, replace(lives(1), started=None), began=BEGAN, now=NOW, reason="not found")

    assert (known.stretch, known.reason) == (Stretch(START, START + 100), "LogLost")
    assert fresh.stretch == Stretch(BEGAN, NOW)
    assert "not found" in known.message


def test_a_pod_that_is_gone_is_lost_until_the_next_one_began() -> None:
    assert departed(AT, successor=START + 9, now=NOW).stretch == Stretch(START, START + 9)
    assert departed(AT, successor=None, now=NOW).stretch == Stretch(START, NOW)
    assert departed(AT, successor=None, now=NOW).reason == "PodReplaced"


# Failures


def refusal(kind: type[ApiError], status: int, *, retry_after: float | None = None) -> ApiError:
    return kind(LINE, status=status, reason="Reason", message="said", retry_after=retry_after)


def meant(error: ClusterError, *, failures: int = 1, jitter: float = 0.5) -> Trouble:
    return trouble(error, namespace="kasten-io", failures=failures, intervals=Intervals(), jitter=jitter)


def test_a_missing_right_is_named_exactly() -> None:
    found = meant(refusal(ForbiddenError, 403))

    assert (found.state, found.delay) == ("Forbidden", 30.0)
    assert found.message.startswith("the right `get pods/log in kasten-io` is missing: have the namespace in k10s of")
    assert "or apply manifests/rbac-k10.yaml" in found.message


def test_a_missing_right_of_a_group_names_the_group() -> None:
    error = ForbiddenError(RequestLine("list", "apps", "deployments"), status=403)

    assert "`list deployments.apps in kasten-io`" in meant(error).message


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (refusal(NotFoundError, 404), "it is gone"),
        (refusal(BadRequestError, 400), "its container does not run: said"),
        (refusal(UnavailableError, 500), "500"),
        (UnreachableError(LINE, "reset"), "reset"),
    ],
)
def test_everything_else_is_unavailable_and_says_why(error: ClusterError, words: str) -> None:
    assert meant(error).state == "Unavailable"
    assert words in meant(error).message


def test_pauses_double_to_a_bound_and_are_spread() -> None:
    broken = UnreachableError(LINE, "reset")

    assert [meant(broken, failures=count).delay for count in (1, 2, 3, 20)] == [1.0, 2.0, 4.0, 30.0]
    assert (meant(broken, jitter=0.0).delay, meant(broken, jitter=1.0).delay) == (0.75, 1.25)


def test_the_servers_own_pause_is_kept() -> None:
    assert meant(refusal(TooManyRequestsError, 429, retry_after=7.0)).delay == 7.5
