"""`make demo` on a whole node, as a newcomer runs it: it judges itself, and leaves the machine as it was."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster.errors import ClusterError

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("able_machine")]
FIRST_FINDING = re.compile(r"to the first true finding: (\d+) s")


@pytest.fixture(scope="module")
def printed(kubernetes_binary: Path, k10apis_binary: Path, image_archive: Path) -> str:
    """What it printed, with everything it takes built before."""
    assert kubernetes_binary.exists()
    assert k10apis_binary.exists()
    assert image_archive.exists()
    environment = {**os.environ, "DEMO": "node", "DEMO_AUDIT": "all"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.demo"], capture_output=True, text=True, env=environment, timeout=600, check=False
    )
    if done.returncode:
        raise ClusterError(f"the demo ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return done.stdout


def test_the_demo_finds_every_step_of_the_intruder_once_on_a_real_node(printed: str) -> None:
    assert "Found: 11 of 11 steps, each once." in printed


def test_the_demo_says_where_and_why_and_how_long_until_the_first_finding(printed: str) -> None:
    assert "DEMO=node" in printed
    assert "Why: DEMO=node." in printed
    assert FIRST_FINDING.search(printed)


def test_the_demo_enters_a_real_pod_and_describes_a_finding(printed: str) -> None:
    assert re.search(r"kubectl exec deployment/catalog-svc .*\n +catalog\n", printed)
    assert "Kind:         K10SecurityFinding" in printed


def test_the_demo_shows_what_stays_unseen(printed: str) -> None:
    assert "docs/explanation/blind-spots.md" in printed
