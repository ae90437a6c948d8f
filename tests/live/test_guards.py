"""Whoever may write AuditWatches silences or loosens the only one: the operator tells of it all the same."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from auditwatch.detection.guards import GUARDS, NAME
from tests.cluster.identities import ADMIN, INTRUDER, Identity
from tests.k10.standin import K10StandIn
from tests.live.audited import AuditedPlane
from tests.live.installation import NAMESPACE, Installation

LESS: dict[str, Any] = {"packs": [], "findings": {"minSeverity": "Critical"}}
"""No pack, so no rule of it, and no finding below Critical."""


def ready(installed: Installation) -> None:
    installed.start()
    installed.wait_ready()
    installed.watch()
    installed.wait(lambda: installed.condition("Ready").get("status") == "True", what="the AuditWatch to be Ready")


def patch(installed: Installation, spec: dict[str, Any], *, name: str = "k10", identity: Identity = ADMIN) -> None:
    body = json.dumps({"spec": spec})
    installed.cluster.kubectl(
        "patch", "auditwatch", name, "-n", NAMESPACE, "--type=merge", "-p", body, identity=identity
    )


def told(installed: Installation, rule: str) -> dict[str, Any]:
    """The one finding of this rule."""
    installed.wait(lambda: bool(installed.findings_of(rule)), what=f"a finding of {rule}")
    (finding,) = installed.findings_of(rule)
    return finding


def test_the_deletion_of_the_only_audit_watch_is_found(installed: Installation) -> None:
    ready(installed)
    installed.cluster.kubectl("delete", "auditwatch", "k10", "-n", NAMESPACE, "--timeout=300s")

    finding = told(installed, "watch-silenced")
    assert finding["metadata"]["namespace"] == NAMESPACE
    assert finding["spec"]["watchRef"] == {"namespace": NAMESPACE, "name": NAME}
    assert finding["spec"]["target"]["name"] == "k10"
    assert finding["status"]["severity"] == "High"


def test_how_much_these_rules_see_is_a_metric(installed: Installation) -> None:
    ready(installed)

    def levels() -> dict[str, float]:
        lines = [line for line in installed.get("/metrics")[1].splitlines() if f'{NAMESPACE}/{NAME}"' in line]
        return {line.partition("visibility=")[2].split('"')[1]: float(line.rsplit(" ", 1)[1]) for line in lines}

    installed.wait(lambda: levels().get("Partial") == len(GUARDS), what=f"all guards to see a part: {levels()}")


def test_what_one_change_takes_out_of_force_still_tells_of_that_change(installed: Installation) -> None:
    ready(installed)
    patch(installed, LESS)

    finding = told(installed, "watch-loosened")
    assert finding["status"]["severity"] == "Medium"
    paths = {change["path"]: change.get("new") for change in finding["status"]["changes"]}
    assert paths["spec.findings.minSeverity"] == "Critical"
    assert "spec.packs[k10-baseline].name" in paths


def test_a_pause_while_the_operator_was_down_is_found(installed: Installation) -> None:
    ready(installed)
    installed.kill()
    patch(installed, {"paused": True})

    installed.start()

    assert told(installed, "watch-silenced")["spec"]["target"]["name"] == "k10"
    assert installed.condition("Ready")["reason"] == "Paused"


def test_what_the_operator_itself_writes_into_an_audit_watch_is_no_change(installed: Installation) -> None:
    ready(installed)
    before = installed.watch_status()["conditions"]
    patch(installed, {"paused": True})
    told(installed, "watch-silenced")
    patch(installed, {"paused": False})
    installed.wait(lambda: installed.condition("Ready").get("status") == "True", what="it to be Ready again")

    assert installed.watch_status()["conditions"] != before
    assert installed.findings_of("watch-loosened") == []
    assert told(installed, "watch-silenced")["status"]["count"] == 1


@pytest.fixture(scope="module")
def connected(
    kubernetes_binary: Path, k10apis_binary: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """An operator that reads the audit log as a file."""
    directory = tmp_path_factory.mktemp("guarded")
    with (
        AuditedPlane(directory / "plane", binary=kubernetes_binary, by=("file",)) as plane,
        K10StandIn(plane.cluster, binary=k10apis_binary),
    ):
        installed = Installation(plane.cluster, directory=directory / "operator", settings={"sources": plane.sources})
        installed.install()
        plane.cluster.kubectl(
            "create", "clusterrolebinding", "stolen", "--clusterrole=cluster-admin", f"--user={INTRUDER.user}"
        )
        ready(installed)
        try:
            yield installed
        finally:
            installed.stop()


def test_what_was_done_just_before_is_found_though_the_change_would_hide_it(connected: Installation) -> None:
    everything_live(connected)
    lists = [{"name": name, "values": [INTRUDER.user]} for name in ("gitops", "k10-operators", "secret-readers")]
    os.kill(connected.process.pid, signal.SIGSTOP)  # so that the change is known before the record of the deed is read
    try:
        connected.cluster.kubectl("get", "secret", "k10-dr-secret", "-n", "kasten-io", identity=INTRUDER)
        patch(connected, {**LESS, "lists": lists}, identity=INTRUDER)
    finally:
        os.kill(connected.process.pid, signal.SIGCONT)

    blamed_once(connected, "k10-key-secret-read", "k10-dr-secret")
    blamed_once(connected, "watch-loosened", "k10")


def test_with_the_audit_log_it_is_known_who_it_was_though_the_change_excepted_them(connected: Installation) -> None:
    connected.watch("second")
    connected.wait(lambda: connected.condition("Ready", name="second").get("status") == "True", what="it to be Ready")
    everything_live(connected)
    lists = [{"name": name, "values": [INTRUDER.user]} for name in ("gitops", "k10-operators")]
    patch(connected, {**LESS, "lists": lists, "paused": True}, name="second", identity=INTRUDER)

    blamed_once(connected, "watch-loosened", "second")
    blamed_once(connected, "watch-silenced", "second")


def everything_live(installed: Installation) -> None:
    installed.wait(
        lambda: {source["state"] for source in installed.watch_status().get("sources", [])} == {"Live"},
        what="every source to be Live",
    )


def blamed_once(installed: Installation, rule: str, name: str) -> None:
    """The intruder is the one actor of the one finding of this rule about this object, and it counts one."""

    def standing() -> list[dict[str, Any]]:
        found = [each for each in installed.findings_of(rule) if each["spec"]["target"]["name"] == name]
        return [each["status"] for each in found if not each.get("status", {}).get("supersededBy")]

    def actors() -> list[list[str]]:
        return [[actor["id"] for actor in status.get("actors", [])] for status in standing()]

    installed.wait(lambda: actors() == [[INTRUDER.user]], what=f"who it was that {rule} tells of")
    assert [status["count"] for status in standing()] == [1]
