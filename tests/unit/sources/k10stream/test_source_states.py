"""What the source says of itself: learning, live, silent, switched off, absent, forbidden, unavailable."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from auditwatch.journal.delivery import Delivery
from auditwatch.journal.errors import JournalFullError
from auditwatch.journal.journal import Journal
from auditwatch.sources.k10stream import follower
from auditwatch.sources.k10stream.canary import Pace
from auditwatch.sources.k10stream.deliveries import Batch
from tests.integration.following import DirectIntake
from tests.unit.sources.k10stream.node import HASTY, Node, Pod, running

ONCE = Pace(interval=1_000.0, lesson=0.05, deadline=50.0, tick=0.02)
"""Nothing of our own comes between the lines of a test."""


async def test_a_stream_that_swallows_our_requests_is_silent_and_both_ends_are_told(tmp_path: Path) -> None:
    node = Node()
    async with running(tmp_path, node, pace=HASTY) as run:
        await run.until_state("Live")
        node.swallows = True
        await run.until_state("Silent")
        asked = node.canaries
        await run.until(lambda: node.canaries > asked + 1)
        node.swallows = False

        await run.until_state("Live")

        await run.until(lambda: len(run.gaps()) >= 2)
        first, second = run.gaps()[:2]
        assert (first.reason, first.subject, second.reason) == ("Silent", "aggregatedapis-svc", "Silent")
        assert first.start < first.end == second.start < second.end


async def test_a_stream_without_events_is_switched_off(tmp_path: Path) -> None:
    node = Node(wrap=None)
    node.pods[0].say(b"starting")
    async with running(tmp_path, node, pace=HASTY) as run:
        await run.until_state("SwitchedOff")

        assert "siem.logging.cluster.enabled=true" in run.reports()[0].message
        assert run.gaps() == []


async def test_a_stream_switched_off_later_is_a_gap_too(tmp_path: Path) -> None:
    node = Node()
    async with running(tmp_path, node, pace=HASTY) as run:
        await run.until_state("Live")
        node.wrap = None
        node.pods[0].restart()

        await run.until_state("SwitchedOff")

        assert run.gaps()


async def test_a_clock_that_is_set_back_holds_no_request_up_and_hides_no_silence(tmp_path: Path) -> None:
    node, set_back = Node(), [0.0]
    async with running(tmp_path, node, pace=HASTY, clock=lambda: time.time() - set_back[0]) as run:
        await run.until_state("Live")
        set_back[0] = 3_600.0
        before, node.swallows = node.canaries, True

        await run.until(lambda: node.canaries > before + 2)

        await run.until_state("Silent")
        await run.until(lambda: bool(run.gaps()))
        assert all(gap.start <= gap.end for gap in run.gaps())


async def test_while_k10s_api_does_not_answer_nothing_is_said_of_the_log(tmp_path: Path) -> None:
    node = Node()
    async with running(tmp_path, node) as run:
        await run.until_state("Live")
        node.api = 503
        await run.until_state("Unavailable")
        assert "K10's API does not answer" in run.reports()[0].message

        node.api = 404

        await run.until_state("Live")
        assert run.gaps() == []


async def test_a_missing_right_for_the_log_is_named_and_asked_for_again(tmp_path: Path) -> None:
    node = Node()
    node.pods[0].refusal = 403
    async with running(tmp_path, node) as run:
        await run.until_state("Forbidden")
        assert "`get pods/log in kasten-io`" in run.reports()[0].message

        node.pods[0].refusal = 0

        await run.until_state("Live")


async def test_a_missing_right_for_our_own_requests_is_named(tmp_path: Path) -> None:
    node = Node(api=403)
    async with running(tmp_path, node) as run:
        await run.until_state("Forbidden")

        assert "`get restorepoints.apps.kio.kasten.io k10-auditwatch-canary" in run.reports()[0].message


async def test_a_missing_right_to_look_for_pods_is_named(tmp_path: Path) -> None:
    node = Node(lists=403)
    async with running(tmp_path, node) as run:
        await run.until_state("Forbidden")
        assert "`list deployments.apps in kasten-io`" in run.reports()[0].message

        node.lists = 200

        await run.until_state("Live")


async def test_without_k10_or_without_its_pod_the_stream_is_absent_and_comes_when_it_comes(tmp_path: Path) -> None:
    node = Node(is_installed=False, pods=[])
    async with running(tmp_path, node) as run:
        await run.until_state("Absent")
        assert "no Deployment" in run.reports()[0].message

        node.is_installed = True
        await run.until(lambda: "no pod" in run.reports()[0].message)
        node.pods.append(Pod())

        await run.until_state("Live")


async def test_a_node_that_cannot_find_the_log_is_asked_again(tmp_path: Path) -> None:
    node = Node()
    node.pods[0].complaint = b"unable to retrieve container logs for containerd://0123"
    async with running(tmp_path, node) as run:
        await run.until_state("Unavailable")

        node.pods[0].complaint = b""

        await run.until_state("Live")


async def test_a_full_journal_holds_the_log_back_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(DirectIntake):
        refusals = 0

        async def put(self, delivery: Delivery) -> None:
            if self.refusals:
                Full.refusals -= 1
                raise JournalFullError(tmp_path, "full", "wait")
            await super().put(delivery)

    monkeypatch.setattr(follower, "_JOURNAL_PAUSE_SECONDS", 0.05)
    node = Node()
    async with running(tmp_path, node, intake=Full) as run:
        await run.until_state("Live")
        Full.refusals = 3
        node.act("held-back-1", "held-back-2")

        await run.until_told("held-back-1", "held-back-2")

        assert Full.refusals == 0
        assert sorted(run.told()) == ["held-back-1", "held-back-2"]


async def test_a_defect_met_in_one_delivery_ends_nothing(tmp_path: Path) -> None:
    class Broken(DirectIntake):
        def __init__(self, journal: Journal) -> None:
            super().__init__(journal)
            self.count = 0

        async def put(self, delivery: Delivery) -> None:
            self.count += 1
            if self.count == 4:
                raise ZeroDivisionError
            await super().put(delivery)

    node = Node()
    async with running(tmp_path, node, intake=Broken) as run:
        node.act("a")
        await run.until_told("a")
        node.act("b")

        await run.until_told("b")

        assert sorted(run.told()) == ["a", "b"]


async def test_what_a_failed_delivery_held_is_read_again_from_its_first_line(tmp_path: Path) -> None:
    class Broken(DirectIntake):
        has_failed = False

        async def put(self, delivery: Delivery) -> None:
            if not self.has_failed and isinstance(delivery, Batch) and delivery.records:
                self.has_failed = True
                raise ZeroDivisionError
            await super().put(delivery)

    node, now = Node(), time.time()
    async with running(tmp_path, node, intake=Broken, pace=ONCE) as run:
        await run.until_state("Live")
        node.act("earlier", at=now + 10)
        node.act("later", at=now + 20)

        await run.until_told("later")

        assert run.told() == ["earlier", "later"]


async def test_a_pod_that_goes_while_the_journal_is_full_is_a_gap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @dataclass
    class Full:
        inner: DirectIntake
        is_full: bool = False
        refusals: int = 0

        async def put(self, delivery: Delivery) -> None:
            if self.is_full:
                self.refusals += 1
                raise JournalFullError(tmp_path, "full", "wait")
            await self.inner.put(delivery)

    fulls: list[Full] = []

    def intake(journal: Journal) -> Full:
        fulls.append(Full(DirectIntake(journal)))
        return fulls[-1]

    monkeypatch.setattr(follower, "_JOURNAL_PAUSE_SECONDS", 0.05)
    node = Node()
    async with running(tmp_path, node, intake=intake, pace=ONCE) as run:
        await run.until_state("Live")
        fulls[0].is_full = True
        node.act("lost")
        await run.until(lambda: fulls[0].refusals > 0)
        before = node.pods[0].name
        node.pods[:] = [Pod(name="another", uid="u-2", started=time.time())]
        await run.until(lambda: before not in [report.pod for report in run.reports()])

        fulls[0].is_full = False

        await run.until(lambda: bool(run.gaps()))
        assert [(gap.reason, gap.subject) for gap in run.gaps()] == [("PodReplaced", before)]


async def test_only_whole_seconds_are_asked_for(tmp_path: Path) -> None:
    node = Node()
    async with running(tmp_path, node) as run:
        await run.until_state("Live")

        assert all("." not in asked["sinceTime"] for asked in node.asked)
        assert all(asked["container"] == "aggregatedapis-svc" for asked in node.asked)
