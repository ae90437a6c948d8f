"""A control plane in the background, as `make cluster` and `make cluster-down` use it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.cluster import toolchain
from tests.cluster.waiting import eventually


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The user's caches, but a state directory of our own."""
    return {**os.environ, "XDG_STATE_HOME": str(tmp_path)}


def _command(*arguments: str, environment: dict[str, str]) -> str:
    finished = subprocess.run(
        [sys.executable, "-m", "tests.cluster", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        cwd=toolchain.REQUIREMENTS.parents[1],
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


@pytest.mark.usefixtures("kubernetes_binary")
def test_up_leaves_a_control_plane_that_down_removes(environment: dict[str, str]) -> None:
    printed = _command("up", "--name=test", "--audit=metadata", environment=environment)
    try:
        again = _command("up", "--name=test", environment=environment)
        used = subprocess.run(
            ["sh", "-c", f"{printed}\nkubectl auth whoami && helm list"],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
    finally:
        stopped = _command("down", "--name=test", environment=environment)

    assert again == printed
    assert "kubernetes-admin" in used.stdout
    assert stopped == "stopped\n"
    audit_log = Path(printed.partition("# audit log: ")[2].partition("\n")[0])
    assert audit_log.name == "audit.log"
    assert not audit_log.parents[1].exists()


@pytest.mark.usefixtures("kubernetes_binary")
def test_a_killed_holder_takes_everything_with_it(environment: dict[str, str], tmp_path: Path) -> None:
    printed = _command("up", "--name=test", environment=environment)
    directory = Path(printed.partition("files in ")[2].partition("\n")[0])
    state = tmp_path / "k10-auditwatch" / "cluster" / "test" / "running.json"

    psutil.Process(json.loads(state.read_text())["pid"]).kill()

    eventually(lambda: not directory.exists())
    assert _command("down", "--name=test", environment=environment) == "nothing is running\n"
