"""The API server is asked whose token one is: rarely, and never about what is obviously somebody else's."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from auditwatch.cluster.errors import RequestLine, UnreachableError
from auditwatch.cluster.token_review import ReviewedToken
from auditwatch.sources.webhook.claims import claims_of, implausible
from auditwatch.sources.webhook.reviewing import AUDIENCE, BURST, REMEMBERED, NoAnswerError, Reviews
from tests.unit.sources.webhook.making import Reviewer

AGENT = ReviewedToken(username="system:serviceaccount:audit:agent")


class Clock:
    """Stands still until a test moves it."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def reviewer() -> Reviewer:
    return Reviewer({"good": AGENT})


@pytest.fixture
def reviews(reviewer: Reviewer, clock: Clock) -> Reviews:
    return Reviews(reviewer, monotonic=clock)


def jwt(**claims: Any) -> str:
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{payload}.c2ln"


async def test_an_answer_is_remembered_for_a_minute(reviews: Reviews, reviewer: Reviewer, clock: Clock) -> None:
    for _ in range(3):
        assert await reviews.whose("good") == AGENT
    assert reviewer.asked == [("good", AUDIENCE)]

    clock.now += 61

    assert await reviews.whose("good") == AGENT
    assert len(reviewer.asked) == 2


async def test_a_no_is_remembered_too_but_not_for_long(reviews: Reviews, reviewer: Reviewer, clock: Clock) -> None:
    assert await reviews.whose("bad") is None
    assert await reviews.whose("bad") is None
    assert len(reviewer.asked) == 1

    clock.now += 11
    reviewer.known["bad"] = AGENT

    assert await reviews.whose("bad") == AGENT


async def test_unknown_tokens_are_rationed_and_known_ones_go_on(
    reviews: Reviews, reviewer: Reviewer, clock: Clock
) -> None:
    await reviews.whose("good")
    for number in range(int(BURST) - 1):
        await reviews.whose(f"bad-{number}")

    with pytest.raises(NoAnswerError, match="too many"):
        await reviews.whose("one more")
    assert await reviews.whose("good") == AGENT
    assert len(reviewer.asked) == BURST

    clock.now += 1
    assert await reviews.whose("one more") is None


async def test_an_api_server_that_cannot_be_reached_says_neither_yes_nor_no(
    reviews: Reviews, reviewer: Reviewer
) -> None:
    reviewer.fails = UnreachableError(RequestLine("create", "authentication.k8s.io", "tokenreviews"), "refused")
    with pytest.raises(NoAnswerError, match="refused"):
        await reviews.whose("good")

    reviewer.fails = None
    assert await reviews.whose("good") == AGENT, "no answer is not remembered"


async def test_without_an_api_server_there_is_no_answer(clock: Clock) -> None:
    with pytest.raises(NoAnswerError):
        await Reviews(None, monotonic=clock).whose("good")


async def test_memory_is_bounded(reviews: Reviews, clock: Clock) -> None:
    for number in range(REMEMBERED + 50):
        clock.now += 0.1
        await reviews.whose(f"token-{number}")

    assert len(reviews._memory) == REMEMBERED


def test_a_plausible_token_is_one_of_the_account_for_us() -> None:
    said = {"sub": "system:serviceaccount:audit:agent", "exp": 2000}

    for audience in (AUDIENCE, ["x", AUDIENCE]):
        assert implausible(jwt(aud=audience, **said), account="audit/agent", audience=AUDIENCE, now=1000) == ""


@pytest.mark.parametrize(
    ("token", "why"),
    [
        ("opaque", "not a service account's token"),
        ("a.b.c", "not a service account's token"),
        ("a.%%%.c", "not a service account's token"),
        ("a.b" * 20_000 + ".c", "not a service account's token"),
        (jwt(sub=5), "not a service account's token"),
        (jwt(sub="system:serviceaccount:audit:agent"), "mount one with audience k10-auditwatch"),
        (jwt(sub="system:serviceaccount:audit:agent", aud=["https://kubernetes"]), "mount one with audience"),
        (jwt(sub="system:serviceaccount:kube-system:agent", aud=AUDIENCE), "another service account"),
        (jwt(sub="system:serviceaccount:audit:agent", aud=AUDIENCE, exp=999), "expired"),
    ],
)
def test_an_implausible_token_is_turned_away_with_the_reason(token: str, why: str) -> None:
    assert why in implausible(token, account="audit/agent", audience=AUDIENCE, now=1000)


def test_a_bomb_in_the_claims_is_no_token() -> None:
    bomb = base64.urlsafe_b64encode(b"[" * 9_000).decode()

    assert claims_of(f"a.{bomb}.c") is None
