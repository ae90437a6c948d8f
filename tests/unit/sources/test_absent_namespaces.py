"""Namespaces that are not there: most K10s have no multi-cluster one, and no role can be bound in it."""

from __future__ import annotations

from typing import Any

from auditwatch.cluster.errors import ApiError, ForbiddenError, NotFoundError
from auditwatch.journal.journal import Journal
from auditwatch.sources.state.follower import Follower
from auditwatch.sources.state.report import KindReport
from auditwatch.sources.state.streams import Stream
from tests.unit.sources.making import POLICIES, START, raw, told
from tests.unit.sources.test_following import WATCH, Direct, Script, Scripted, around, page, played, refused


class WithoutNamespace(Scripted):
    """The namespace is not there, or nobody can say."""

    def __init__(self, script: Script, answer: Exception) -> None:
        super().__init__(script)
        self.answer = answer

    async def get(self, _resource: object, name: str) -> dict[str, Any]:
        self.asked.append(("get", name))
        raise self.answer


async def followed_without_namespace(
    journal: Journal, *script: Any, answer: type[ApiError] = NotFoundError
) -> tuple[KindReport, Scripted]:
    server = WithoutNamespace(list(script), refused(answer, 404))
    stream = Stream("cluster-1", POLICIES, "kasten-io-mc")
    return await played(Follower(stream, around(server, Direct(journal))), server)


async def test_a_refusal_in_a_namespace_that_is_not_there_hides_nothing(journal: Journal) -> None:
    report, server = await followed_without_namespace(journal, refused(ForbiddenError, 403))

    assert (report.state, report.message, report.objects) == ("Polling", "", 0)
    assert report.last_proof_of_life == START
    assert server.asked == [("list", "kasten-io-mc"), ("get", "kasten-io-mc"), ("list", "kasten-io-mc")]


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
