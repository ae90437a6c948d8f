"""The state source while the API server is in trouble: nothing is lost, and what could not be seen is said."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.cluster.fixtures import NewControlPlane
from tests.integration.following import GROUP, Plan, following


async def test_an_api_server_that_restarts_loses_no_change(new_control_plane: NewControlPlane, tmp_path: Path) -> None:
    control_plane = new_control_plane(with_controller_manager=False)
    plan = Plan(control_plane, "plans")
    plan.define()
    plan.create("a")
    async with following(tmp_path, control_plane.kubeconfig(), plan.stream()) as running:
        await running.until_watching()
        alive = running.source.report()[0].last_proof_of_life
        assert alive is not None

        await asyncio.to_thread(control_plane.kill_apiserver)
        await running.until(lambda: running.states() == ["Unavailable"])
        await asyncio.to_thread(control_plane.start_apiserver)
        plan.change("a", frequency="@weekly")

        await running.until_told(("update", "a"))
        # A restarted server has no history of its own; what it may have forgotten in between is said, never hidden.
        assert {gap.reason for gap in running.gaps()} <= {"HistoryLost", "SourceUnavailable"}
        assert all(alive <= gap.start < gap.end for gap in running.gaps())


async def test_lost_history_is_a_gap_and_every_net_difference_is_found(
    new_control_plane: NewControlPlane, tmp_path: Path
) -> None:
    control_plane = new_control_plane(with_controller_manager=False)
    plan = Plan(control_plane, "plans")
    plan.define()
    for name in ("kept", "changed", "deleted"):
        plan.create(name)
    async with following(tmp_path, control_plane.kubeconfig(), plan.stream()) as running:
        await running.until_watching()
        alive = running.source.report()[0].last_proof_of_life

    plan.change("changed", frequency="@weekly")
    plan.delete("deleted")
    plan.create("created")
    plan.create("deleted", frequency="@hourly")
    for number in range(20):
        plan.change("kept", noise=number)
    plan.change("kept", noise=None)
    control_plane.expire_history()

    async with following(tmp_path, control_plane.kubeconfig(), plan.stream()) as running:
        await running.until(lambda: bool(running.gaps()))

        assert sorted(running.told()) == [
            ("create", "created"),
            ("create", "deleted"),
            ("delete", "deleted"),
            ("update", "changed"),
        ]
        [gap] = running.gaps()
        assert (gap.subject, gap.reason) == (f"{GROUP}/plans", "HistoryLost")
        assert alive is not None
        assert gap.start >= alive
        assert gap.end > gap.start
