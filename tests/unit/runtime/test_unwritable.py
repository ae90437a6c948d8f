"""What keeps a finding from being written is told with what to do."""

from __future__ import annotations

import pytest

from auditwatch.cluster.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError, RequestLine
from auditwatch.runtime.unwritable import refusal_text

ASKED = RequestLine("create", "k10auditwatch.io", "k10securityfindings", "team-a")


@pytest.mark.parametrize(
    ("error", "fix"),
    [
        (NotFoundError(ASKED, status=404, message="gone"), "create namespace 'team-a', or correct"),
        (NotFoundError(ASKED, status=404, message="could not find the requested resource"), "apply the CRDs of this"),
        (ForbiddenError(ASKED, status=403, message="because it is being terminated"), "'team-a' is being deleted"),
        (ForbiddenError(ASKED, status=403, message="exceeded quota: few"), "raise the quota"),
        (ForbiddenError(ASKED, status=403, message="cannot create"), "service account create and patch"),
        (InvalidError(ASKED, status=422, message="no"), "apply the CRDs of this version"),
        (ConflictError(ASKED, status=409, message="no"), "it is tried again by itself"),
        (KeyError("x"), "please report it"),
    ],
)
def test_a_refusal_says_what_was_answered_and_what_to_do(error: Exception, fix: str) -> None:
    text = refusal_text(error, namespace="team-a")

    assert fix in text
    assert ("create k10securityfindings" in text) == (not isinstance(error, KeyError))
