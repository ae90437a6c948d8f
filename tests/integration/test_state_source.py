"""The state source on a healthy API server: what is found live, what is found after a pause, and who may not look."""

from __future__ import annotations

import asyncio
import http.client
from pathlib import Path

import pytest

from auditwatch.events.activity import StateChange
from auditwatch.k10.kinds import Scope, WatchedKind
from auditwatch.sources.state.streams import Stream
from tests.cluster.controlplane import ControlPlane
from tests.cluster.identities import ADMIN, INTRUDER
from tests.integration.following import GROUP, Plan, following

HOSTILE_LEVELS = 3000


def defined(control_plane: ControlPlane, plural: str) -> Plan:
    plan = Plan(control_plane, plural)
    plan.define()
    return plan


async def test_changes_are_found_live(control_plane: ControlPlane, tmp_path: Path) -> None:
    plan = defined(control_plane, "lives")
    plan.create("kept")
    plan.create("changed", frequency="@daily")
    async with following(tmp_path, control_plane.kubeconfig(), plan.stream()) as running:
        await running.until_watching()
        assert running.told() == []

        await asyncio.sleep(1.1)  # managedFields cut times to whole seconds: of two writes in one the later has none
        plan.create("created")
        plan.change("changed", frequency="@weekly")
        plan.delete("kept")

        await running.until_told(("create", "created"), ("update", "changed"), ("delete", "kept"))
        [update] = [one for one in running.records() if isinstance(one, StateChange) and one.verb == "update"]
        assert update.old is not None
        assert update.new is not None
        assert (update.old["spec"], update.new["spec"]) == ({"frequency": "@daily"}, {"frequency": "@weekly"})
        assert update.manner == "Watch"
        assert update.manager
        assert update.changed is not None
        [report] = running.source.report()
        assert (report.objects, report.unreadable) == (2, 0)
        assert report.last_proof_of_life is not None


async def test_changes_made_while_it_was_down_are_found_and_are_no_gap(
    control_plane: ControlPlane, tmp_path: Path
) -> None:
    plan = defined(control_plane, "pauses")
    plan.create("changed")
    plan.create("deleted")
    async with following(tmp_path, control_plane.kubeconfig(), plan.stream()) as running:
        await running.until_watching()

    plan.change("changed", frequency="@weekly")
    plan.delete("deleted")
    plan.create("created")
    plan.create("short-lived")
    plan.delete("short-lived")

    async with following(tmp_path, control_plane.kubeconfig(), plan.stream()) as running:
        await running.until_told(
            ("update", "changed"),
            ("delete", "deleted"),
            ("create", "created"),
            ("create", "short-lived"),
            ("delete", "short-lived"),
        )
        assert running.gaps() == []


async def test_a_kind_that_comes_late_is_found_when_it_comes(control_plane: ControlPlane, tmp_path: Path) -> None:
    plan = Plan(control_plane, "lates")
    async with following(tmp_path, control_plane.kubeconfig(), plan.stream()) as running:
        await running.until(lambda: running.states() == ["NotServed"])
        await asyncio.to_thread(plan.define)
        await running.until_watching()

        plan.create("first")

        await running.until_told(("create", "first"))


async def test_a_missing_right_is_named_and_others_are_not_disturbed(
    control_plane: ControlPlane, tmp_path: Path
) -> None:
    open_to_all, half, closed = (defined(control_plane, name) for name in ("opens", "halves", "closeds"))
    control_plane.kubectl("create", "clusterrole", "reads", "--verb=list,watch", f"--resource=opens.{GROUP}")
    control_plane.kubectl("create", "clusterrole", "lists", "--verb=list", f"--resource=halves.{GROUP}")
    for role in ("reads", "lists"):
        control_plane.kubectl("create", "clusterrolebinding", role, f"--clusterrole={role}", f"--user={INTRUDER.user}")
    streams = [plan.stream() for plan in (open_to_all, half, closed)]
    async with following(tmp_path, control_plane.kubeconfig(INTRUDER), *streams) as running:
        await running.until(lambda: running.states() == ["Watching", "Forbidden", "Forbidden"])
        messages = [report.message for report in running.source.report()]
        assert messages[1].startswith(f"watch halves.{GROUP}: 403")
        assert messages[2].startswith(f"list closeds.{GROUP}: 403")

        control_plane.kubectl(
            "create", "clusterrole", "all", "--verb=list,watch", f"--resource=halves.{GROUP},closeds.{GROUP}"
        )
        control_plane.kubectl("create", "clusterrolebinding", "all", "--clusterrole=all", f"--user={INTRUDER.user}")

        await running.until_watching()


async def test_a_kind_without_watch_is_polled(control_plane: ControlPlane, tmp_path: Path) -> None:
    kind = WatchedKind(
        group="", version="v1", resource="componentstatuses", kind="ComponentStatus", scope=Scope.CLUSTER
    )
    async with following(tmp_path, control_plane.kubeconfig(), Stream("cluster-1", kind)) as running:
        await running.until(lambda: running.states() == ["Polling"])
        before = running.source.report()[0].last_proof_of_life
        await running.until(lambda: running.source.report()[0].last_proof_of_life != before)

        assert running.source.report()[0].objects > 0
        assert running.gaps() == []


async def test_two_thousand_objects_are_met_in_pages_and_in_silence(
    control_plane: ControlPlane, tmp_path: Path
) -> None:
    plan = defined(control_plane, "manies")
    for number in range(2000):
        plan.create(f"m{number}")
    async with following(tmp_path, control_plane.kubeconfig(), plan.stream()) as running:
        await running.until_watching()
        assert running.told() == []
        assert running.source.report()[0].objects == 2000

        plan.delete("m1234")

        await running.until_told(("delete", "m1234"))


async def test_two_namespaces_are_followed_apart(control_plane: ControlPlane, tmp_path: Path) -> None:
    plan = defined(control_plane, "twos")
    control_plane.kubectl("create", "namespace", "two-b")
    plan.create("a")
    plan.create("b", namespace="two-b")
    streams = [plan.stream("default"), plan.stream("two-b")]
    async with following(tmp_path, control_plane.kubeconfig(), *streams) as running:
        await running.until_watching()

        plan.delete("a")

        await running.until_told(("delete", "a"))
        assert [report.objects for report in running.source.report()] == [0, 1]


@pytest.mark.parametrize("when", ["before", "while"])
async def test_an_object_nested_3000_levels_deep_costs_only_its_body(
    control_plane: ControlPlane, tmp_path: Path, when: str
) -> None:
    plan = defined(control_plane, f"hostile{when}s")
    plan.create("neighbour")
    headers = {"Content-Type": "application/json"}
    nested = '{"a":' * HOSTILE_LEVELS + "1" + "}" * HOSTILE_LEVELS
    head = f'"apiVersion":"{GROUP}/v1","kind":"{plan.plural.capitalize()}","metadata":{{"name":"deep"}}'
    document = f'{{{head},"spec":{nested}}}'
    if when == "before":
        send(plan, document, headers)
    async with following(tmp_path, control_plane.kubeconfig(), plan.stream()) as running:
        await running.until_watching()
        if when == "while":
            send(plan, document, headers)
            await running.until_told(("create", "deep"))
        assert running.source.report()[0].objects == 2

        plan.change("neighbour", frequency="@weekly")
        plan.delete("deep")

        await running.until(lambda: {("update", "neighbour"), ("delete", "deep")} <= set(running.told()))
        assert running.source.report()[0].unreadable == 0


def send(plan: Plan, document: str, headers: dict[str, str]) -> None:
    """Create an object from text: no encoder of ours would write it."""
    control_plane = plan.control_plane
    connection = http.client.HTTPSConnection(
        "127.0.0.1", control_plane.ports.apiserver, context=control_plane.credentials.tls(ADMIN), timeout=60
    )
    connection.request("POST", plan.path(), body=document, headers=headers)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    assert answer.status == 201, text
