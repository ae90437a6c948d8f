"""Our own requests: when they are due, what their answers mean, and what is said of the stream."""

from __future__ import annotations

import pytest

from auditwatch.cluster.errors import (
    ApiError,
    ClusterError,
    ForbiddenError,
    NotFoundError,
    RequestLine,
    UnavailableError,
    UnreachableError,
)
from auditwatch.events.canary import Canary
from auditwatch.k10.identity import K10Instance
from auditwatch.sources.k10stream.canary import CANARY_NAME, Answer, Pace, answer_of, is_due, probe_of, verdict
from auditwatch.sources.k10stream.report import GRANT
from tests.unit.sources.k10stream.making import ACCOUNT, START, nonce, probe

LINE = RequestLine("get", "apps.kio.kasten.io", "restorepoints", "kasten-io", CANARY_NAME)
ANSWERED = Answer("Answered")


def silent(lost: int = 1) -> Canary:
    canary = Canary(account=ACCOUNT, last_proof=START - 60)
    for number in range(lost):
        canary.sent(probe(number))
    canary.overdue(START + 31)
    return canary


def alive(*, outstanding: bool = False) -> Canary:
    canary = Canary(account=ACCOUNT, last_proof=START)
    if outstanding:
        canary.sent(probe())
    return canary


def due(seconds: float, canary: Canary, *, is_taught: bool = True) -> bool:
    return is_due(Pace(), canary, last_sent=START, now=START + seconds, is_taught=is_taught)


def test_the_first_request_is_due_at_once() -> None:
    assert is_due(Pace(), alive(), last_sent=None, now=START, is_taught=True)


def test_requests_are_due_at_their_interval() -> None:
    assert [due(seconds, alive()) for seconds in (1, 59, 60, 61)] == [False, False, True, True]


def test_the_second_lesson_follows_soon_but_not_in_the_same_second() -> None:
    assert [due(seconds, alive(), is_taught=False) for seconds in (1, 2)] == [False, True]


@pytest.mark.parametrize("canary", [alive(outstanding=True), silent()])
def test_a_lesson_that_does_not_come_back_is_not_hurried(canary: Canary) -> None:
    assert [due(seconds, canary, is_taught=False) for seconds in (2, 60)] == [False, True]


def test_a_request_is_for_one_name_in_k10s_own_domain_and_namespace() -> None:
    elsewhere = K10Instance(namespace="backup", api_domain="kio.backup")

    sent = probe_of(elsewhere, nonce=nonce(1), now=START, pace=Pace())

    assert (sent.verb, sent.group, sent.resource, sent.namespace, sent.name) == (
        "get",
        "apps.kio.backup",
        "restorepoints",
        "backup",
        CANARY_NAME,
    )
    assert (sent.nonce, sent.sent, sent.deadline) == (nonce(1), START, START + 30)


def refusal(kind: type[ApiError], status: int, message: str) -> ApiError:
    return kind(LINE, status=status, message=message)


@pytest.mark.parametrize(
    ("error", "reach", "words"),
    [
        (refusal(NotFoundError, 404, f'restorepoints.apps.kio.kasten.io "{CANARY_NAME}" not found'), "Answered", ""),
        (refusal(NotFoundError, 404, "the server could not find the requested resource"), "Absent", "not served"),
        (
            refusal(ForbiddenError, 403, "no"),
            "Forbidden",
            f"`get restorepoints.apps.kio.kasten.io {CANARY_NAME} in kasten-io` is missing: {GRANT}",
        ),
        (refusal(UnavailableError, 503, "gone"), "Unavailable", "503"),
        (UnreachableError(LINE, "reset"), "Unavailable", "reset"),
    ],
)
def test_what_answers_mean(error: ClusterError, reach: str, words: str) -> None:
    answer = answer_of(error)

    assert answer.reach == reach
    assert words in answer.message


def state(answer: Answer | None, canary: Canary, *, is_taught: bool = True, is_heard: bool = True) -> str:
    return verdict(answer, canary, is_taught=is_taught, is_heard=is_heard).state


def test_a_stream_is_live_when_it_is_understood_and_our_requests_come_back() -> None:
    assert state(ANSWERED, alive()) == "Live"
    assert state(ANSWERED, alive(), is_taught=False) == "Learning"
    assert state(None, alive(), is_taught=False) == "Learning"


@pytest.mark.parametrize("reach", ["Absent", "Forbidden", "Unavailable"])
def test_where_nothing_can_be_asked_nothing_is_said_of_the_log(reach: str) -> None:
    answer = Answer(reach, "why")  # type: ignore[arg-type]  # the ids are easier to read as text

    found = verdict(answer, silent(5), is_taught=True, is_heard=False)

    assert (found.state, found.message) == (reach, "why")


def test_a_log_without_any_event_is_switched_off_and_says_what_to_set() -> None:
    found = verdict(ANSWERED, silent(2), is_taught=True, is_heard=False)

    assert found.state == "SwitchedOff"
    assert "siem.logging.cluster.enabled=true" in found.message


def test_one_lost_request_is_not_a_switch() -> None:
    assert state(ANSWERED, silent(1), is_heard=False) == "Silent"


def test_a_log_with_events_but_without_ours_is_silent() -> None:
    found = verdict(ANSWERED, silent(2), is_taught=True, is_heard=True)

    assert (found.state, "2 requests" in found.message) == ("Silent", True)


def test_events_in_a_shape_nobody_understands_are_asked_for() -> None:
    found = verdict(ANSWERED, silent(1), is_taught=False, is_heard=True)

    assert found.state == "Silent"
    assert "please report" in found.message
