"""K10's own audit stream, followed with the shipped rights on a K10 that restarts, is silenced, and is not there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from auditwatch.events.decode import decode
from auditwatch.events.records import record_of
from auditwatch.events.redaction import Redactor
from auditwatch.events.times import parse_time
from auditwatch.k10.identity import K10Instance
from tests.cluster.audit import Audit
from tests.cluster.controlplane import ControlPlane
from tests.cluster.fixtures import NewControlPlane
from tests.cluster.identities import BACKUP_OPERATOR
from tests.integration.streaming import (
    ACCOUNT,
    HASTY,
    NAMESPACE,
    grant_stream_right,
    install_account,
    remove_stream_right,
    streaming,
)
from tests.k10.standin import K10StandIn

OURS = f"system:serviceaccount:{NAMESPACE}:{ACCOUNT}"


@pytest.fixture(scope="module")
def watched_k10(kubernetes_binary: Path, k10apis_binary: Path) -> Iterator[K10StandIn]:
    """A K10 whose log nobody else fills, with our account beside it, as an installation of the operator brings it."""
    with (
        ControlPlane(binary=kubernetes_binary, audit=Audit()) as cluster,
        K10StandIn(cluster, binary=k10apis_binary) as started,
    ):
        install_account(cluster)
        yield started


def _run_actions(k10: K10StandIn, *names: str) -> None:
    """Things a person does that K10 logs, each under a name of its own."""
    for name in names:
        k10.cluster.kubectl("get", "restorepointcontent", name, "--ignore-not-found", identity=BACKUP_OPERATOR)


async def _act(k10: K10StandIn, *names: str) -> None:
    await asyncio.to_thread(_run_actions, k10, *names)


async def test_what_people_do_is_seen_once_each_with_body_and_actor(watched_k10: K10StandIn, tmp_path: Path) -> None:
    async with streaming(tmp_path, watched_k10.cluster) as stream:
        await stream.until_state("Live")
        await asyncio.to_thread(
            watched_k10.cluster.kubectl,
            *("delete", "restorepointcontent", "intranet-scheduled-00001"),
            identity=BACKUP_OPERATOR,
        )
        await _act(watched_k10, "asked-1", "asked-2")

        await stream.until_told("get", "asked-1", "asked-2")

        [deleted] = stream.named("delete", "intranet-scheduled-00001")
        assert (deleted.evidence, deleted.source, deleted.cluster) == ("K10Stream", "k10stream", "cluster-1")
        assert deleted.instance.startswith("aggregatedapis-svc-")
        assert deleted.event.user.username == BACKUP_OPERATOR.user
        assert isinstance(deleted.response_object, dict)
        assert stream.repeated() == []
        assert stream.gaps() == []
        report = stream.report()
        assert report.last_proof_of_life is not None
        assert report.counts.undecodable == 0


async def test_our_own_requests_prove_life_and_are_not_recorded(watched_k10: K10StandIn, tmp_path: Path) -> None:
    began = time.time()
    async with streaming(tmp_path, watched_k10.cluster) as stream:
        await stream.until(lambda: stream.report().counts.canaries >= 3)
        await _act(watched_k10, "asked-by-others")
        await stream.until_told("get", "asked-by-others")

        ours = [one.event for one in stream.events() if one.event.user.username == OURS]
        assert [event for event in ours if (parse_time(event.stage_timestamp) or 0.0) > began + 1] == []


async def test_our_own_requests_are_known_in_the_api_servers_audit_log_too(
    watched_k10: K10StandIn, tmp_path: Path
) -> None:
    began = len(watched_k10.cluster.audit_log.read_bytes())
    async with streaming(tmp_path, watched_k10.cluster) as stream:
        await stream.until_state("Live")
        lines = watched_k10.cluster.audit_log.read_bytes()[began:].splitlines()
        decoded = [decode(line) for line in lines if OURS.encode() in line]
        records = [
            record_of(each, cluster="cluster-1", source="audit-log", received=0.0, redactor=Redactor(b"key"))
            for each in decoded
        ]

        exempt = {record.event.verb for record in records if stream.source.is_canary(record)}
        others = {record.event.verb for record in records if not stream.source.is_canary(record)}

        assert exempt == {"get"}
        assert others >= {"list", "create"}


async def test_what_happened_before_the_envelope_was_known_is_read_all_the_same(
    watched_k10: K10StandIn, tmp_path: Path
) -> None:
    remove_stream_right(watched_k10.cluster)
    async with streaming(tmp_path, watched_k10.cluster) as stream:
        await stream.until_state("Forbidden")
        assert "`get pods/log in kasten-io`" in stream.report().message
        await _act(watched_k10, "while-forbidden")

        await asyncio.to_thread(grant_stream_right, watched_k10.cluster)

        await stream.until_state("Live")
        await stream.until_told("get", "while-forbidden")
        assert stream.gaps() == []


async def test_a_restart_of_the_container_loses_nothing_and_doubles_nothing(
    watched_k10: K10StandIn, tmp_path: Path
) -> None:
    async with streaming(tmp_path, watched_k10.cluster) as stream:
        await stream.until_state("Live")
        await _act(watched_k10, "before-restart")

        await asyncio.to_thread(watched_k10.restart)
        await _act(watched_k10, "after-restart")

        await stream.until_told("get", "before-restart", "after-restart")
        await stream.until_state("Live")
        assert len(stream.named("get", "before-restart")) == 1
        assert stream.repeated() == []
        assert stream.gaps() == []


async def test_it_goes_on_where_it_was_after_a_restart_of_ours(watched_k10: K10StandIn, tmp_path: Path) -> None:
    async with streaming(tmp_path, watched_k10.cluster) as stream:
        await stream.until_state("Live")
        await _act(watched_k10, "seen-first")
        await stream.until_told("get", "seen-first")
    await _act(watched_k10, "while-down-1")
    await asyncio.to_thread(watched_k10.restart)
    await _act(watched_k10, "while-down-2")

    async with streaming(tmp_path, watched_k10.cluster) as stream:
        await stream.until_told("get", "while-down-1", "while-down-2")

        assert len(stream.named("get", "seen-first")) == 1
        assert stream.repeated() == []
        assert stream.gaps() == []


async def test_a_pod_that_was_replaced_is_followed_by_the_next(watched_k10: K10StandIn, tmp_path: Path) -> None:
    async with streaming(tmp_path, watched_k10.cluster) as stream:
        await stream.until_state("Live")
        before = stream.report().pod

        await asyncio.to_thread(
            watched_k10.cluster.kubectl, "delete", "pod", before, "--namespace=kasten-io", "--wait=true"
        )

        await stream.until(lambda: before not in {report.pod for report in stream.source.report()})
        await stream.until_state("Live")
        await asyncio.to_thread(watched_k10.wait_ready)
        await _act(watched_k10, "of-the-next-pod")
        await stream.until_told("get", "of-the-next-pod")
        assert stream.gaps() == []


async def test_a_pod_that_was_replaced_while_we_were_down_is_a_gap(watched_k10: K10StandIn, tmp_path: Path) -> None:
    async with streaming(tmp_path, watched_k10.cluster) as stream:
        await stream.until_state("Live")
        before = stream.report().pod
    down = time.time()
    await asyncio.to_thread(watched_k10.cluster.kubectl, "delete", "pod", before, "--namespace=kasten-io")
    await asyncio.to_thread(watched_k10.wait_ready)

    async with streaming(tmp_path, watched_k10.cluster) as stream:
        await stream.until(lambda: bool(stream.gaps()))

        [gap] = stream.gaps()
        assert (gap.reason, gap.subject, gap.source) == ("PodReplaced", before, "k10stream")
        assert gap.start < down < gap.end + 60


async def test_a_stream_that_is_switched_off_says_what_to_set_and_a_k10_elsewhere_is_absent(
    new_control_plane: NewControlPlane, k10apis_binary: Path, tmp_path: Path
) -> None:
    cluster: ControlPlane = new_control_plane()
    with K10StandIn(cluster, stream=False, points=1, applications=("shop",), binary=k10apis_binary):
        install_account(cluster)
        async with streaming(tmp_path, cluster, pace=HASTY) as stream:
            await stream.until_state("SwitchedOff")
            assert "siem.logging.cluster.enabled=true" in stream.report().message
            assert stream.events() == []
            assert stream.report().last_proof_of_life is None

        async with streaming(tmp_path / "elsewhere", cluster, k10=K10Instance(namespace="kasten-io-mc")) as stream:
            await stream.until_state("Absent")
            assert "aggregatedapis-svc" in stream.report().message
