"""The life of an installation on a real node: upgraded, rolled back, removed, installed again, and gone. `make e2e`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.errors import KubectlError
from tests.cluster.ours import NAMES
from tests.e2e import attacks, connecting
from tests.e2e.release import AGENTS, CHART, NAMESPACE, Release
from tests.e2e.steps import Steps

pytestmark = pytest.mark.e2e
NEXT = "0.2.0"
LABEL = "app.kubernetes.io/part-of=k10-auditwatch"
OURS = "clusterroles,clusterrolebindings,crds,namespaces"


@pytest.fixture(scope="module")
def seen(connected: Release) -> dict[str, Any]:
    """A finding that a person has triaged."""
    attacks.pause(connected, "e2e-triaged")
    finding = attacks.found_once(connected, "e2e-triaged")
    triage = {"triage": {"state": "Acknowledged", "assignee": "alice", "comment": "on it"}}
    patch(connected, finding, triage)
    return finding


def test_an_upgrade_keeps_findings_triage_and_journal(
    connected: Release, seen: dict[str, Any], tmp_path: Path, steps: Steps
) -> None:
    before = kept(connected)

    with steps.step("helm upgrade to another version and values", connected):
        connected.upgrade("--set=resources.limits.memory=640Mi", chart=next_version(tmp_path))

    assert kept(connected) == before
    attacks.pause(connected, "e2e-upgraded")
    assert journal(attacks.found_once(connected, "e2e-upgraded")) == journal(seen)
    assert attacks.found_once(connected, "e2e-triaged")["triage"]["assignee"] == "alice"


def test_a_rollback_keeps_them_too(connected: Release, seen: dict[str, Any], steps: Steps) -> None:
    before = kept(connected)

    with steps.step("helm rollback", connected):
        connected.rollback()

    assert kept(connected) == before
    attacks.pause(connected, "e2e-rolled-back")
    assert journal(attacks.found_once(connected, "e2e-rolled-back")) == journal(seen)


def test_after_uninstalling_findings_are_left(connected: Release, steps: Steps) -> None:
    before = kept(connected)

    with steps.step("helm uninstall", connected):
        connected.uninstall()

    assert kept(connected) == before
    assert connected.pods() == []
    assert connected.watch()["metadata"]["name"] == "k10"


def test_installed_again_it_goes_on_without_duplicates(connected: Release, seen: dict[str, Any], steps: Steps) -> None:
    attacks.pause(connected, "e2e-while-away")
    before = kept(connected)

    with steps.step("helm install again, with what it left", connected):
        connected.install(*connecting.WEBHOOK, *connecting.AGENT)

    finding = attacks.found(connected, "e2e-while-away")
    assert finding["status"]["count"] == 1
    assert journal(finding) == journal(seen)
    attacks.pause(connected, "e2e-again")
    attacks.found(connected, "e2e-again")
    assert before.items() <= kept(connected).items()


def test_removed_as_the_how_to_says_nothing_is_left(connected: Release, steps: Steps) -> None:
    with steps.step("all of it removed", connected):
        connected.remove()

    assert connected.node.kubectl("get", OURS, "-l", LABEL, "-o", "name") == ""
    for what in (("namespace", NAMESPACE), ("namespace", AGENTS), *(("crd", name) for name in NAMES)):
        with pytest.raises(KubectlError, match="not found"):
            connected.node.kubectl("get", *what)


def kept(release: Release) -> dict[str, Any]:
    """What must stay of each finding about the test's own policies."""
    return {
        each["spec"]["target"]["name"]: (each["metadata"]["uid"], each["status"]["count"], each["triage"])
        for each in release.findings("policy-paused")
        if "count" in each.get("status", {})
    }


def journal(finding: dict[str, Any]) -> str:
    """The journal that has counted it."""
    return str(finding["status"]["watermark"]["journalID"])


def patch(release: Release, finding: dict[str, Any], body: dict[str, Any]) -> None:
    name = finding["metadata"]["name"]
    release.node.kubectl(
        *("patch", "k10securityfinding", name, "-n", NAMESPACE, "--type=merge", "-p", json.dumps(body))
    )


def next_version(directory: Path) -> Path:
    """The chart as the next release would bring it."""
    chart = Path(shutil.copytree(CHART, directory / CHART.name))
    description = yaml.safe_load((chart / "Chart.yaml").read_text())
    (chart / "Chart.yaml").write_text(yaml.safe_dump({**description, "version": NEXT}))
    return chart
