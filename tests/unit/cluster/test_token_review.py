"""What a TokenReview asks and what its answer is worth."""

from __future__ import annotations

from typing import Any

import pytest

from auditwatch.cluster.token_review import ReviewedToken, answer, question

AUDIENCE = "k10-auditwatch"
NODE = "authentication.kubernetes.io/node-name"


def review(**status: Any) -> dict[str, Any]:
    user = {"username": "system:serviceaccount:audit:agent"}
    return {"status": {"authenticated": True, "audiences": [AUDIENCE], "user": user, **status}}


def test_the_question_names_our_audience() -> None:
    assert question("t", audience=AUDIENCE)["spec"] == {"token": "t", "audiences": [AUDIENCE]}


def test_a_valid_token_has_an_owner_and_the_node_it_is_bound_to() -> None:
    user = {"username": "u", "extra": {NODE: ["cp-1"]}}

    assert answer(review(), audience=AUDIENCE) == ReviewedToken(username="system:serviceaccount:audit:agent")
    assert answer(review(user=user), audience=AUDIENCE) == ReviewedToken(username="u", node="cp-1")


def test_a_token_that_names_two_nodes_is_bound_to_none() -> None:
    user = {"username": "u", "extra": {NODE: ["cp-1", "cp-2"]}}

    assert answer(review(user=user), audience=AUDIENCE) == ReviewedToken(username="u")


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"status": None},
        {"status": {}},
        review(authenticated=False),
        review(authenticated="true"),
        review(audiences=[]),
        review(audiences=None),
        review(audiences=["https://kubernetes.default.svc"]),
    ],
)
def test_whatever_does_not_say_yes_to_our_audience_says_no(said: dict[str, Any]) -> None:
    assert answer(said, audience=AUDIENCE) is None
