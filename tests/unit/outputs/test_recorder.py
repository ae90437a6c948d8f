"""Events on their way: paced, never in the publisher's way, and never sent twice for nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from auditwatch.detection.signal import Signal
from auditwatch.findings.state import FindingState
from auditwatch.outputs.events.bodies import event_body
from auditwatch.outputs.events.recorder import QUEUE, EventRecorder
from tests.unit.cluster.hostile import serving
from tests.unit.findings.littleserver import LittleServer, refused
from tests.unit.findings.making import START, ledger, signal


class Clock:
    """Two clocks that stand still until told."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


class Bench:
    """A recorder on a little server, and a ledger that feeds it."""

    def __init__(self, server: LittleServer, recorder: EventRecorder, clock: Clock) -> None:
        self.server = server
        self.recorder = recorder
        self.clock = clock
        self.book = ledger()

    def state(self, *signals: Signal) -> FindingState:
        """The incident the last of the signals went into."""
        self.book.apply(signals)
        return max(self.book.states(), key=lambda state: state.revision)

    async def tell(self, *signals: Signal) -> None:
        self.recorder.offer(self.state(*signals), uid="uid-1")
        await self.recorder.send_one()


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with recording(tmp_path) as made:
        yield made


@asynccontextmanager
async def recording(directory: Path, *, rate: float = 1000.0, burst: int = 1000) -> AsyncIterator[Bench]:
    server, clock = LittleServer(), Clock()
    async with serving(server.handle, directory) as cluster:
        recorder = EventRecorder(cluster, instance="auditwatch-0", clock=clock, monotonic=clock, rate=rate, burst=burst)
        yield Bench(server, recorder, clock)


async def test_a_first_sight_makes_one_event(bench: Bench) -> None:
    await bench.tell(signal(1))

    (event,) = bench.server.under("events")
    assert event["reason"] == "RetentionCut"
    assert bench.recorder.sent == 1


async def test_a_thousand_repeats_are_at_most_three_requests(bench: Bench) -> None:
    for sequence in range(1, 1001):
        await bench.tell(signal(sequence, after=sequence / 100))

    (event,) = bench.server.under("events")
    assert len(bench.server.requests) == 3
    assert event["series"]["count"] == 64


async def test_a_repeat_changes_nothing_but_the_series(bench: Bench) -> None:
    await bench.tell(signal(1))
    (before,) = bench.server.under("events")
    await bench.tell(signal(2, severity="Critical", title="something else"))
    (after,) = bench.server.under("events")

    assert {key: value for key, value in after.items() if key != "series"} == before
    assert after["series"]["count"] == 2


async def test_an_event_told_in_an_earlier_life_is_not_made_twice(bench: Bench) -> None:
    await bench.tell(signal(1))
    again = EventRecorder(bench.recorder._requests, instance="auditwatch-1", clock=bench.clock, monotonic=bench.clock)
    again.offer(bench.state(signal(2)), uid="uid-1")
    await again.send_one()

    (event,) = bench.server.under("events")
    assert event["series"]["count"] == 2
    assert event["reportingInstance"] == "auditwatch-0"
    assert again.dropped == 0


async def test_telling_a_single_sight_again_needs_no_series(bench: Bench) -> None:
    await bench.tell(signal(1))
    again = EventRecorder(bench.recorder._requests, instance="auditwatch-1", clock=bench.clock, monotonic=bench.clock)
    again.offer(bench.state(), uid="uid-1")
    await again.send_one()

    assert bench.server.asked("PATCH", "events") == 0
    assert "series" not in bench.server.under("events")[0]


async def test_an_event_that_has_expired_is_made_again_as_a_series(bench: Bench) -> None:
    await bench.tell(signal(1))
    bench.server.objects.clear()
    await bench.tell(signal(2))

    (event,) = bench.server.under("events")
    assert event["series"]["count"] == 2


async def test_a_namespace_that_is_going_away_is_not_asked_again(bench: Bench) -> None:
    bench.server.refusal = lambda _: refused(403, "Forbidden")
    await bench.tell(signal(1))
    await bench.recorder.send_one()

    assert len(bench.server.requests) == 1
    assert bench.recorder.dropped == 1


async def test_a_refused_event_is_told_with_the_next_change(bench: Bench) -> None:
    bench.server.refusal = lambda _: refused(500, "InternalError")
    await bench.tell(signal(1))
    bench.server.refusal = lambda _: None
    await bench.tell(signal(2))

    assert bench.server.under("events")[0]["series"]["count"] == 2
    assert bench.recorder.dropped == 1


async def test_being_asked_to_wait_loses_nothing(bench: Bench) -> None:
    answers = iter([refused(429, "TooManyRequests", Retry_After="0")])
    bench.server.refusal = lambda _: next(answers, None)
    bench.recorder.offer(bench.state(signal(1)), uid="uid-1")
    async with asyncio.timeout(30):
        while not bench.server.under("events"):
            await bench.recorder.send_one()

    assert bench.recorder.dropped == 0


async def test_no_more_than_the_bucket_allows_is_sent(tmp_path: Path) -> None:
    async with recording(tmp_path, rate=1.0, burst=20) as bench:
        for sequence in range(1, 41):
            await bench.tell(signal(sequence, name=f"policy-{sequence}"))
        assert bench.recorder.sent == 20

        bench.clock.now += 5
        for _ in range(40):
            await bench.recorder.send_one()
        assert bench.recorder.sent == 25


async def test_what_does_not_fit_the_queue_is_counted(bench: Bench) -> None:
    for sequence in range(1, QUEUE + 11):
        bench.recorder.offer(bench.state(signal(sequence, name=f"policy-{sequence}")), uid="uid-1")

    assert bench.recorder.dropped == 10
    assert bench.server.requests == []


async def test_a_finding_that_waits_is_told_as_it_is_by_then(bench: Bench) -> None:
    bench.recorder.offer(bench.state(signal(1)), uid="uid-1")
    bench.recorder.offer(bench.state(signal(2), signal(3)), uid="uid-1")
    await bench.recorder.send_one()
    await bench.recorder.send_one()

    assert bench.server.under("events")[0]["series"]["count"] == 3
    assert len(bench.server.requests) == 1


async def test_a_finding_that_is_gone_is_not_told(bench: Bench) -> None:
    state = bench.state(signal(1))
    bench.recorder.offer(state, uid="uid-1")
    bench.recorder.forget(state.key)
    await bench.recorder.send_one()

    assert bench.server.requests == []


async def test_offering_never_waits_for_a_server_that_does_not_answer(tmp_path: Path) -> None:
    answered = asyncio.Event()

    async def hang(_: web.Request) -> web.Response:
        await answered.wait()
        return refused(500)

    async with serving(hang, tmp_path) as cluster:
        recorder = EventRecorder(cluster, instance="auditwatch-0")
        book = ledger()
        book.apply(signal(sequence, name=f"policy-{sequence}") for sequence in range(1, 11))
        sending = asyncio.create_task(recorder.run())
        await asyncio.sleep(0)
        for state in book.states():
            recorder.offer(state, uid="uid-1")
        assert recorder.sent == 0
        answered.set()
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


async def test_running_it_sends_all_that_is_offered(bench: Bench) -> None:
    sending = asyncio.create_task(bench.recorder.run())
    for sequence in range(1, 31):
        bench.recorder.offer(bench.state(signal(sequence, name=f"policy-{sequence}")), uid="uid-1")
    async with asyncio.timeout(60):
        while bench.recorder.sent < 30:  # noqa: ASYNC110 - the recorder has no event for a test to wait on
            await asyncio.sleep(0.01)
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)

    assert len(bench.server.under("events")) == 30


async def test_an_event_on_which_our_own_code_fails_is_counted_and_the_next_is_sent(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(state: FindingState, **told: Any) -> dict[str, Any]:
        if state.target is not None and state.target.name == "bad":
            raise KeyError("a defect")
        return event_body(state, **told)

    monkeypatch.setattr("auditwatch.outputs.events.recorder.event_body", failing)
    await bench.tell(signal(1, name="bad"))
    await bench.tell(signal(2, name="good"))

    assert (bench.recorder.dropped, bench.recorder.sent) == (1, 1)
