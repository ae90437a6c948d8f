"""The whole source against a node that restarts, rotates, forgets, refuses and lies."""

from __future__ import annotations

import time
from pathlib import Path

from tests.unit.sources.k10stream.making import bare, compact, event, wrapped
from tests.unit.sources.k10stream.node import Node, Pod, running

OTHER = "aggregatedapis-svc-76ccc59fbc-fghij"


async def test_what_was_written_before_the_envelope_was_known_is_read(tmp_path: Path) -> None:
    node = Node(swallows=True)
    async with running(tmp_path, node) as run:
        await run.until_state("Learning")
        node.act("early-1", "early-2")
        assert run.told() == []

        node.swallows = False

        await run.until_told("early-1", "early-2")
        await run.until_state("Live")
        assert sorted(run.told()) == ["early-1", "early-2"]
        assert run.gaps() == []


async def test_what_was_written_before_the_stream_was_first_followed_is_left_alone(tmp_path: Path) -> None:
    node = Node()
    node.act("history", at=time.time() - 60)
    async with running(tmp_path, node) as run:
        await run.until_state("Live")
        node.act("news")
        await run.until_told("news")

        assert run.told() == ["news"]


async def test_two_replicas_are_followed_and_either_proves_life(tmp_path: Path) -> None:
    node = Node(pods=[Pod(), Pod(name=OTHER, uid="u-2")])
    async with running(tmp_path, node) as run:
        await run.until_state("Live")
        node.act("here")
        node.act("there", pod=1)

        await run.until_told("here", "there")

        assert [report.pod for report in run.reports()] == [node.pods[0].name, OTHER]
        assert all(report.counts.events == 1 for report in run.reports())
        assert run.gaps() == []


async def test_a_replica_that_comes_later_is_read_from_its_first_line(tmp_path: Path) -> None:
    node = Node()
    async with running(tmp_path, node) as run:
        await run.until_state("Live")
        late = Pod(name=OTHER, uid="u-2", started=time.time())
        late.say(wrapped(event("first-line")))

        node.pods.append(late)

        await run.until_told("first-line")


async def test_a_restart_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    node = Node()
    async with running(tmp_path, node) as run:
        await run.until_state("Live")
        node.act("before")
        await run.until_told("before")
        node.act("last-words")
        node.pods[0].restart()
        node.act("after")

        await run.until_told("last-words", "after")
        await run.until_state("Live")

        assert sorted(run.told()) == ["after", "before", "last-words"]
        assert run.gaps() == []


async def test_a_kubelet_that_tells_of_a_restart_late_makes_no_gap(tmp_path: Path) -> None:
    node = Node()
    async with running(tmp_path, node) as run:
        await run.until_state("Live")
        node.act("before")
        await run.until_told("before")
        opened = len(node.asked)
        node.pods[0].told = 0
        node.act("last-words")
        node.pods[0].restart()
        node.act("after")
        await run.until(lambda: len(node.asked) > opened + 1)

        node.pods[0].told = None

        await run.until_told("last-words", "after")
        assert run.gaps() == []


async def test_of_three_restarts_while_we_were_down_the_lost_lives_are_a_gap(tmp_path: Path) -> None:
    node = Node()
    async with running(tmp_path, node) as run:
        await run.until_state("Live")
        node.act("seen")
        await run.until_told("seen")
    node.pods[0].restart()
    node.act("lost")
    node.pods[0].restart()
    node.act("kept")
    node.pods[0].restart()
    node.act("present")

    async with running(tmp_path, node) as run:
        await run.until_told("kept", "present")

        assert "lost" not in run.told()
        [gap] = run.gaps()
        assert (gap.reason, gap.subject) == ("LogLost", node.pods[0].name)
        assert gap.start < node.pods[0].lives[1][0][0] < gap.end


async def test_a_former_log_that_was_removed_is_a_gap_until_the_present_life(tmp_path: Path) -> None:
    node = Node()
    async with running(tmp_path, node) as run:
        await run.until_state("Live")
    node.pods[0].forgets_previous = True
    node.pods[0].restart()
    node.act("present")

    async with running(tmp_path, node) as run:
        await run.until_told("present")

        [gap] = run.gaps()
        assert gap.reason == "LogLost"
        assert "previous terminated container not found" in gap.message
        assert abs(gap.end - node.pods[0].started) < 0.001


async def test_a_log_rotated_while_we_were_down_is_a_gap_with_bounds(tmp_path: Path) -> None:
    node = Node()
    async with running(tmp_path, node) as run:
        await run.until_state("Live")
        node.act("seen")
        await run.until_told("seen")
    node.act("rotated-away")
    lost = node.pods[0].lives[-1][-1][0]
    node.pods[0].rotate()
    node.act("present")

    async with running(tmp_path, node) as run:
        await run.until_told("present")

        [gap] = run.gaps()
        assert gap.reason == "LogRotated"
        assert gap.start < lost < gap.end


async def test_after_a_reconnection_lines_are_read_again_and_recorded_once(tmp_path: Path) -> None:
    node = Node()
    async with running(tmp_path, node) as run:
        await run.until_state("Live")
        node.act("once")
        await run.until_told("once")
        node.pods[0].refusal = 500
        await run.until(lambda: "500" in run.reports()[0].message)
        assert run.reports()[0].state == "Unavailable"

        node.pods[0].refusal = 0

        await run.until_state("Live")
        await run.until(lambda: run.reports()[0].counts.duplicates > 0)
        assert run.told() == ["once"]
        assert run.gaps() == []
        assert run.reports()[0].counts.events == 1


async def test_a_connection_that_breaks_off_in_a_line_loses_nothing(tmp_path: Path) -> None:
    node = Node()
    async with running(tmp_path, node) as run:
        await run.until_state("Live")
        node.act("before")
        await run.until_told("before")
        opened = len(node.asked)
        node.pods[0].breaks = True
        node.act("torn")
        await run.until(lambda: len(node.asked) > opened + 1)
        assert "torn" not in run.told()

        node.pods[0].breaks = False

        await run.until_told("torn")
        assert sorted(run.told()) == ["before", "torn"]
        assert run.gaps() == []


async def test_a_pod_replaced_while_we_read_is_read_to_its_end_and_is_no_gap(tmp_path: Path) -> None:
    node = Node()
    async with running(tmp_path, node) as run:
        await run.until_state("Live")
        node.act("last-words")
        await run.until_told("last-words")
        node.pods[0].has_ended = True
        await run.until_state("Unavailable")

        node.pods[:] = [Pod(name=OTHER, uid="u-2", started=time.time())]
        node.act("first-words")

        await run.until_told("first-words")
        await run.until(lambda: [report.pod for report in run.reports()] == [OTHER])
        assert run.gaps() == []


async def test_a_follower_forgotten_when_its_pod_was_replaced_is_let_go(tmp_path: Path) -> None:
    node = Node()
    node.pods[0].hangs = True
    async with running(tmp_path, node) as run:
        await run.until_state("Live")
        node.act("last-words")
        await run.until_told("last-words")

        node.pods[:] = [Pod(name=OTHER, uid="u-2", started=time.time())]

        await run.until(lambda: [report.pod for report in run.reports()] == [OTHER])
        assert run.gaps() == []


async def test_a_pod_replaced_while_its_log_could_not_be_read_is_a_gap(tmp_path: Path) -> None:
    node = Node()
    async with running(tmp_path, node) as run:
        await run.until_state("Live")
        before = node.pods[0].name
    node.act("lost")
    lost = node.pods[0].lives[-1][-1][0]
    node.pods[0].refusal = 500
    async with running(tmp_path, node) as run:
        await run.until_state("Unavailable")

        node.pods[:] = [Pod(name=OTHER, uid="u-2", started=time.time())]

        await run.until(lambda: bool(run.gaps()))
        [gap] = run.gaps()
        assert (gap.reason, gap.subject) == ("PodReplaced", before)
        assert gap.start < lost < gap.end


async def test_forged_lines_beside_true_ones_are_counted_and_not_believed(tmp_path: Path) -> None:
    node = Node()
    async with running(tmp_path, node) as run:
        await run.until_state("Live")
        line = wrapped(event("forged"), time="x")
        node.pods[0].say(compact({"level": "error", "msg": f"cannot parse: {line.decode()}"}).encode())
        node.pods[0].say(line + line)
        node.pods[0].say(bare(event("forged")))
        node.act("true")

        await run.until_told("true")

        assert run.told() == ["true"]
        assert run.reports()[0].counts.suspect == 3
        assert run.reports()[0].message.startswith("3 lines held something like an audit event")


async def test_another_envelope_after_an_upgrade_loses_nothing(tmp_path: Path) -> None:
    def upgraded(inner: object, *, time: str) -> bytes:
        return wrapped(inner, time=time, version="10.0.0", trace=time)

    node = Node()
    async with running(tmp_path, node) as run:
        await run.until_state("Live")
        node.act("old")
        await run.until_told("old")
        node.wrap = upgraded
        node.act("new-1", "new-2")

        await run.until_told("new-1", "new-2")

        assert sorted(run.told()) == ["new-1", "new-2", "old"]
        assert run.gaps() == []
