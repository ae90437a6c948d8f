"""One stream followed through each trouble, with a server that answers by script: what is said of it all the way.

The journal is real. That a real API server gives these answers is shown in tests/integration.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import pytest

from auditwatch.cluster.client import Cluster
from auditwatch.cluster.errors import (
    ApiError,
    BadRequestError,
    ForbiddenError,
    GoneError,
    MethodNotAllowedError,
    NotFoundError,
    RequestLine,
    TooManyRequestsError,
    UnavailableError,
    UnreachableError,
)
from auditwatch.cluster.framing import Page
from auditwatch.cluster.requests import Resource
from auditwatch.journal.delivery import Delivery
from auditwatch.journal.errors import JournalFullError
from auditwatch.journal.journal import Journal
from auditwatch.sources.state import follower as following
from auditwatch.sources.state.course import Intervals
from auditwatch.sources.state.follower import Follower, Surroundings
from auditwatch.sources.state.report import KindReport
from auditwatch.sources.state.source import StateSource
from auditwatch.sources.state.streams import WATCH_SECONDS, Stream
from tests.unit.sources.making import POLICIES, REDACTOR, START, STREAM, gaps, raw, told

Lines = list[bytes]
Script = list[Any]
SHORT = Intervals(poll=0.0, forbidden=0.0, first_refusal=0.0, not_served=0.0, first_retry=0.0, last_retry=0.0)
LIST = RequestLine("list", POLICIES.group, POLICIES.resource)
WATCH = RequestLine("watch", POLICIES.group, POLICIES.resource)


def page(*items: bytes, version: str = "100") -> Page:
    return Page(items=list(items), resource_version=version)


def modified(item: bytes, kind: str = "MODIFIED") -> bytes:
    return b'{"type":"%s","object":%s}' % (kind.encode(), item)


def refused(kind: type[ApiError], status: int, line: RequestLine = LIST, message: str = "no") -> ApiError:
    return kind(line, status=status, reason="Because", message=message)


class Scripted:
    """A server: each list and each watch takes the next answer; what has none waits for ever."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.asked: list[tuple[str, str]] = []
        self.is_done = asyncio.Event()

    async def list_pages(self, _resource: object, *, namespace: str = "") -> AsyncGenerator[Page, None]:
        for answer in await self._next("list", namespace):
            yield self._given(answer)

    async def watch(
        self, _resource: object, *, resource_version: str, namespace: str, timeout_seconds: int
    ) -> AsyncGenerator[Lines, None]:
        assert timeout_seconds == WATCH_SECONDS
        for answer in await self._next("watch", resource_version or namespace):
            yield self._given(answer)

    async def create(self, _resource: Resource, _review: dict[str, Any]) -> dict[str, Any]:
        """Access reviews: whoever follows may list and watch; what is refused all the same stands in the script."""
        return {"status": {"allowed": True}}

    def _given(self, answer: Any) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def _next(self, verb: str, about: str) -> Sequence[Any]:
        self.asked.append((verb, about))
        if not self.script:
            self.is_done.set()
            await asyncio.Event().wait()
        answer = self.script.pop(0)
        return answer if isinstance(answer, list) else [answer]


class Direct:
    """Commits at once; raises what it is told to before that."""

    def __init__(self, journal: Journal, *trouble: Exception) -> None:
        self.journal = journal
        self.trouble = list(trouble)

    async def put(self, delivery: Delivery) -> None:
        if self.trouble:
            raise self.trouble.pop(0)
        with self.journal.transaction():
            delivery.record(self.journal)


def around(server: Scripted, intake: Direct, clock: Callable[[], float] = lambda: START) -> Surroundings:
    return Surroundings(
        cluster=cast("Cluster", server),
        intake=intake,
        redactor=REDACTOR,
        clock=clock,
        jitter=lambda: 0.5,
        listings=asyncio.Semaphore(1),
        intervals=SHORT,
    )


async def followed(
    journal: Journal,
    *script: Any,
    intake: Direct | None = None,
    stream: Stream = STREAM,
    clock: Callable[[], float] = lambda: START,
) -> tuple[KindReport, Scripted]:
    """The report once the script is played, and what the server was asked."""
    server = Scripted(list(script))
    return await played(Follower(stream, around(server, intake or Direct(journal), clock)), server)


async def played(follower: Follower, server: Scripted) -> tuple[KindReport, Scripted]:
    """The report once the server has nothing left to answer, and that server."""
    task = asyncio.create_task(follower.run())
    done = asyncio.create_task(server.is_done.wait())
    await asyncio.wait({task, done}, return_when=asyncio.FIRST_COMPLETED, timeout=20)
    assert done.done(), task
    report = follower.report(now=START + 7)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    return report, server


async def test_before_anything_came_it_is_listing_and_has_proven_nothing(journal: Journal) -> None:
    report, server = await followed(journal)
    assert (report.kind, report.group, report.resource) == (POLICIES.key, POLICIES.group, "policies")
    assert (report.state, report.message, report.objects, report.unreadable) == ("Listing", "", 0, 0)
    assert report.last_proof_of_life is report.lag is None
    assert server.asked == [("list", "")]


async def test_a_list_is_a_proof_of_life_and_counts_objects(journal: Journal) -> None:
    report, server = await followed(journal, [page(raw("a"), raw("b")), page(raw("c"))])
    assert (report.objects, report.last_proof_of_life, report.lag) == (3, START, 7.0)
    assert server.asked == [("list", ""), ("watch", "100")]
    assert told(journal) == []


async def test_a_watch_that_answers_is_watching_and_its_changes_are_received(journal: Journal) -> None:
    lines = [modified(raw("a", version="101", frequency="@hourly")), modified(raw("b", version="102"), "ADDED")]
    report, server = await followed(journal, page(raw("a")), [lines])
    assert (report.state, report.message, report.objects) == ("Watching", "", 2)
    assert told(journal) == [("update", "a"), ("create", "b")]
    assert server.asked[-1] == ("watch", "102"), "resumed behind what was seen"


@pytest.mark.parametrize(
    ("error", "state", "words"),
    [
        (refused(ForbiddenError, 403), "Forbidden", "list policies.config.kio.kasten.io: 403 Because: no"),
        (refused(NotFoundError, 404), "NotServed", "404"),
        (refused(UnavailableError, 503), "Unavailable", "503"),
        (refused(TooManyRequestsError, 429), "Unavailable", "429"),
        (
            UnreachableError(LIST, "connection refused"),
            "Unavailable",
            "no answer from the API server: connection refused",
        ),
    ],
)
async def test_a_list_that_fails_is_a_state_with_the_servers_words(
    journal: Journal, error: Exception, state: str, words: str
) -> None:
    report, server = await followed(journal, error)
    assert report.state == state
    assert words in report.message
    assert server.asked == [("list", ""), ("list", "")], "it is tried again"
    assert report.last_proof_of_life is None


async def test_trouble_that_has_passed_is_said_no_longer(journal: Journal) -> None:
    report, _ = await followed(journal, refused(ForbiddenError, 403), page(raw("a")), [[]])
    assert (report.state, report.message, report.objects) == ("Watching", "", 1)


async def test_a_right_to_watch_that_is_missing_is_named_and_what_is_known_stays(journal: Journal) -> None:
    report, server = await followed(journal, page(raw("a")), refused(ForbiddenError, 403, WATCH))
    assert (report.state, report.objects, report.last_proof_of_life) == ("Forbidden", 1, START)
    assert "watch policies.config.kio.kasten.io: 403" in report.message
    assert server.asked[-1] == ("watch", "100")


async def test_a_kind_that_cannot_be_watched_is_polled_and_changes_are_found(journal: Journal) -> None:
    no_watch = refused(MethodNotAllowedError, 405, WATCH)
    report, server = await followed(journal, page(raw("a")), no_watch, page(raw("a")), page(raw("b")))
    assert (report.state, report.message, report.objects) == ("Polling", "", 1)
    assert [verb for verb, _ in server.asked] == ["list", "watch", "list", "list", "list"]
    assert sorted(told(journal)) == [("create", "b"), ("delete", "a")]


@pytest.mark.parametrize("error", [refused(GoneError, 410, WATCH), refused(BadRequestError, 400, WATCH)])
async def test_history_the_server_has_lost_is_listed_anew_and_told_as_a_gap(journal: Journal, error: ApiError) -> None:
    report, server = await followed(journal, page(raw("a")), error, page(raw("a"), version="200"))
    assert (report.state, report.objects) == ("Listing", 1)
    assert server.asked == [("list", ""), ("watch", "100"), ("list", ""), ("watch", "200")]
    (gap,) = gaps(journal)
    assert (gap.reason, gap.subject) == ("HistoryLost", POLICIES.key)


async def test_an_object_nobody_can_read_is_counted_and_its_neighbours_are_kept(journal: Journal) -> None:
    report, _ = await followed(
        journal, page(raw("a"), b"[]", b"{}"), [[b"{", modified(raw("b", version="101"), "ADDED")]]
    )
    assert (report.unreadable, report.objects) == (3, 2)


async def test_a_list_that_breaks_off_is_begun_again_and_deletes_nothing(journal: Journal) -> None:
    broken = [page(raw("a")), refused(UnavailableError, 503)]
    report, _ = await followed(journal, page(raw("a"), raw("b")), refused(GoneError, 410, WATCH), broken)
    assert (report.state, report.objects) == ("Unavailable", 2)
    assert told(journal) == []


async def test_a_defect_met_in_one_kind_is_said_to_be_one_and_is_lived_through(journal: Journal) -> None:
    report, server = await followed(journal, ZeroDivisionError("by zero"))
    assert report.state == "Unavailable"
    assert "a defect of this program: ZeroDivisionError" in report.message
    assert len(server.asked) == 2


async def test_a_journal_that_is_full_holds_the_stream_back_and_loses_nothing(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "_JOURNAL_PAUSE_SECONDS", 0.0)
    full = Direct(journal, *(JournalFullError(Path("journal.db"), "is full", "make room") for _ in range(3)))
    report, _ = await followed(journal, page(raw("a")), [[modified(raw("b", version="101"), "ADDED")]], intake=full)
    assert (full.trouble, report.objects, told(journal)) == ([], 2, [("create", "b")])


async def test_a_restart_goes_on_where_the_mark_says_and_knows_how_much_there_was(journal: Journal) -> None:
    await followed(journal, page(raw("a"), raw("b")))
    report, server = await followed(journal)
    assert server.asked == [("watch", "100")]
    assert (report.objects, report.last_proof_of_life) == (2, START)


async def test_a_clock_that_went_back_makes_no_negative_lag(journal: Journal) -> None:
    server = Scripted([page(raw("a"))])
    follower = Follower(STREAM, around(server, Direct(journal)))
    task = asyncio.create_task(follower.run())
    await asyncio.wait_for(server.is_done.wait(), 20)
    assert follower.report(now=START - 100).lag == 0.0
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_a_stream_of_one_namespace_asks_there_and_says_so(journal: Journal) -> None:
    report, server = await followed(journal, page(), stream=Stream("cluster-1", POLICIES, "kasten-io"))
    assert report.namespace == "kasten-io"
    assert server.asked[0] == ("list", "kasten-io")


async def test_no_stream_can_stop_another(journal: Journal) -> None:
    """One is refused for ever, the other watches; their reports come in the order they were given."""
    streams = [Stream("cluster-1", POLICIES, namespace) for namespace in ("kasten-io", "other")]

    asked_again = asyncio.Event()

    class Halves(Scripted):
        async def list_pages(self, _resource: object, *, namespace: str = "") -> AsyncGenerator[Page, None]:
            if namespace == "kasten-io":
                if ("list", namespace) in self.asked:
                    asked_again.set()
                self.asked.append(("list", namespace))
                await asyncio.sleep(0.001)
                raise refused(ForbiddenError, 403)
            yield page(raw("a"))

    server = Halves([])
    source = StateSource(
        cluster=cast("Cluster", server),
        intake=Direct(journal),
        redactor=REDACTOR,
        streams=streams,
        clock=lambda: START,
        jitter=lambda: 0.5,
        intervals=SHORT,
    )
    task = asyncio.create_task(source.run())
    await asyncio.wait_for(server.is_done.wait(), 20)
    await asyncio.wait_for(asked_again.wait(), 20)
    first, second = source.report()
    assert (first.namespace, first.objects) == ("kasten-io", 0)
    assert (second.namespace, second.objects, second.last_proof_of_life) == ("other", 1, START)
    assert not task.done()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
