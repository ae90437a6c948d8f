"""Namespaces that are not there: most K10s have no multi-cluster one, and no role can be bound in it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from auditwatch.cluster.errors import ApiError, ForbiddenError, NotFoundError
from auditwatch.cluster.requests import Resource
from auditwatch.journal.journal import Journal
from auditwatch.sources.state.follower import Follower
from auditwatch.sources.state.report import KindReport
from auditwatch.sources.state.streams import Stream
from tests.unit.sources.making import POLICIES, START, raw, told
from tests.unit.sources.test_following import WATCH, Direct, Script, Scripted, around, page, played, refused

Allowed = Sequence[frozenset[str] | None]
"""Verbs that access reviews say are allowed, one review after the other; ``None``: we may not ask."""
NOTHING: Final[frozenset[str]] = frozenset()
BOTH: Final = frozenset({"list", "watch"})


class WithoutNamespace(Scripted):
    """The namespace is not there, or nobody can say."""

    def __init__(self, script: Script, answer: Exception, allowed: Allowed) -> None:
        super().__init__(script)
        self.answer = answer
        self.allowed = list(allowed)

    async def create(self, _resource: Resource, _review: dict[str, Any]) -> dict[str, Any]:
        asked = _review["spec"]["resourceAttributes"]
        assert (_resource.name, asked["namespace"]) == ("selfsubjectaccessreviews", "kasten-io-mc")
        self.asked.append(("may", asked["verb"]))
        if not self.allowed:
            self.is_done.set()
            await asyncio.Event().wait()
        allowed = self.allowed.pop(0)
        if allowed is None:
            raise refused(ForbiddenError, 403)
        return {"status": {"allowed": asked["verb"] in allowed}}

    async def get(self, _resource: object, name: str) -> dict[str, Any]:
        self.asked.append(("get", name))
        raise self.answer


async def followed_without_namespace(
    journal: Journal, *script: Any, answer: type[ApiError] = NotFoundError, allowed: Allowed = (None,) * 20
) -> tuple[KindReport, Scripted]:
    server = WithoutNamespace(list(script), refused(answer, 404), allowed)
    stream = Stream("cluster-1", POLICIES, "kasten-io-mc")
    return await played(Follower(stream, around(server, Direct(journal))), server)


async def test_a_refusal_in_a_namespace_that_is_not_there_hides_nothing(journal: Journal) -> None:
    report, server = await followed_without_namespace(journal, refused(ForbiddenError, 403))

    assert (report.state, report.message, report.objects) == ("Polling", "", 0)
    assert report.last_proof_of_life == START
    assert [each for each in server.asked if each[0] != "may"] == [
        ("list", "kasten-io-mc"),
        ("get", "kasten-io-mc"),
        ("list", "kasten-io-mc"),
    ]


async def test_a_namespace_that_comes_later_is_watched_like_any_other(journal: Journal) -> None:
    report, server = await followed_without_namespace(journal, refused(ForbiddenError, 403), page(raw("a")))

    assert report.objects == 1
    assert server.asked[-1] == ("watch", "100")


async def test_what_was_in_a_namespace_that_went_is_told_as_deleted(journal: Journal) -> None:
    refusals = refused(ForbiddenError, 403, WATCH), refused(ForbiddenError, 403)
    report, _ = await followed_without_namespace(journal, page(raw("a")), *refusals)

    assert (report.state, report.objects) == ("Polling", 0)
    assert told(journal) == [("delete", "a")]


async def test_a_refusal_counts_while_nobody_can_say_whether_the_namespace_is_there(journal: Journal) -> None:
    report, _ = await followed_without_namespace(journal, refused(ForbiddenError, 403), answer=ForbiddenError)

    assert report.state == "Forbidden"


async def test_what_is_not_allowed_is_not_tried(journal: Journal) -> None:
    report, server = await followed_without_namespace(journal, answer=ForbiddenError, allowed=[NOTHING] * 2)

    assert (report.state, report.message) == (
        "Forbidden",
        "list policies.config.kio.kasten.io in namespace kasten-io-mc: 403 Forbidden: no role gives this right",
    )
    assert {each[0] for each in server.asked} == {"may", "get"}


async def test_a_list_is_of_no_use_where_the_watch_after_it_is_not_allowed(journal: Journal) -> None:
    may_list = frozenset({"list"})
    report, server = await followed_without_namespace(journal, answer=ForbiddenError, allowed=[may_list] * 2)

    assert report.message.startswith("watch policies.config.kio.kasten.io in namespace kasten-io-mc: 403")
    assert "list" not in {each[0] for each in server.asked}


async def test_an_absent_namespace_costs_no_refusal(journal: Journal) -> None:
    report, server = await followed_without_namespace(journal, allowed=[NOTHING] * 2)

    assert (report.state, report.message) == ("Polling", "")
    assert {each[0] for each in server.asked} == {"may", "get"}


async def test_what_is_allowed_later_is_watched_and_not_asked_about_again(journal: Journal) -> None:
    report, server = await followed_without_namespace(
        journal, page(raw("a")), answer=ForbiddenError, allowed=[NOTHING, NOTHING, BOTH, BOTH]
    )

    assert report.objects == 1
    assert [each[0] for each in server.asked][-2:] == ["list", "watch"]


async def test_a_right_that_was_taken_away_is_asked_for_before_the_next_attempt(journal: Journal) -> None:
    script, allowed = (page(raw("a")), refused(ForbiddenError, 403, WATCH)), [BOTH, BOTH, NOTHING, NOTHING]
    report, server = await followed_without_namespace(journal, *script, answer=ForbiddenError, allowed=allowed)

    assert report.state == "Forbidden"
    assert [each[0] for each in server.asked][:7] == ["may", "may", "list", "watch", "get", "may", "may"]
