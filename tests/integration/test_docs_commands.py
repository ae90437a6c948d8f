"""Commands of the documentation that ask an API server: findings to look at and to triage, watches to apply."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.controlplane import ControlPlane
from tests.cluster.ours import define_ours, make_namespaces
from tests.unit.docs import surroundings
from tests.unit.docs.blocks import ROOT, blocks_in, pages, pages_that_run
from tests.unit.docs.running import play

NAMESPACE = "k10-auditwatch"
API_VERSION = "k10auditwatch.io/v1alpha1"
OURS = f"/apis/{API_VERSION}/namespaces/{NAMESPACE}"
HEADERS = {"Content-Type": "application/merge-patch+json"}


def found_by_a_scan(directory: Path) -> list[dict[str, Any]]:
    """Findings as the operator would write them: of the log that the how-to pages name."""
    done = subprocess.run(
        [sys.executable, "-m", "auditwatch", "scan", "-o", "json", "audit.log"],
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
    )
    return list(json.loads(done.stdout)["findings"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    surroundings.furnish(tmp_path)
    return tmp_path


@pytest.fixture
def with_findings(control_plane: ControlPlane, folder: Path) -> Iterator[ControlPlane]:
    """The shared API server with a watch and the findings of the log; without them afterwards."""
    define_ours(control_plane)
    make_namespaces(control_plane, NAMESPACE)
    control_plane.kubectl("apply", "-n", NAMESPACE, "-f", str(ROOT / "examples" / "minimal.yaml"))
    try:
        for finding in found_by_a_scan(folder):
            name, status = finding["metadata"]["name"], finding.pop("status")
            finding["metadata"] |= {"namespace": NAMESPACE}
            finding["metadata"]["labels"]["k10auditwatch.io/watch"] = f"{NAMESPACE}.k10"
            control_plane.apply([finding])
            status_body = json.dumps({"status": status})
            path = f"{OURS}/k10securityfindings/{name}/status"
            answer = control_plane.request("PATCH", path, body=status_body.encode(), headers=HEADERS)
            assert answer.status == 200, answer.body
        yield control_plane
    finally:
        for plural in ("auditwatches", "k10securityfindings"):
            control_plane.request("DELETE", f"{OURS}/{plural}")


@pytest.mark.parametrize("page", pages_that_run("findings"))
def test_commands_about_findings_do_what_the_page_says(page: str, with_findings: ControlPlane, folder: Path) -> None:
    path = f"{with_findings.binary.parent}:{surroundings.environment(folder)['PATH']}"
    environment = surroundings.environment(folder, KUBECONFIG=str(with_findings.kubeconfig()), PATH=path)
    ran = play(
        list(blocks_in(pages()[page], page)), places=frozenset({"findings"}), directory=folder, environment=environment
    )
    assert ran
