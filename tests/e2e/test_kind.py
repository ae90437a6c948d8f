"""`DEMO=kind make demo` with real kind and a real Docker daemon, the test's own, which ends with everything it made.

Most tests ask what one run of the demo said and left; the last one ends the daemon.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from tests.cluster.errors import ClusterError, NotInTimeError
from tests.cluster.skipping import skipped_where_impossible
from tests.cluster.waiting import eventually
from tests.demo import kind_cluster
from tests.e2e.machine import Machine, cgroups_named, in_namespace
from tests.kind import node_image, requirements
from tests.kind.daemon import Daemon

pytestmark = pytest.mark.e2e
DEMO = (sys.executable, "-m", "tests.demo")
CHOOSE = "import os; from tests.demo import choosing, probing; print(choosing.choose(os.environ, probing.look()))"
READ_ONLY = 'for each in $(findmnt -Rrno TARGET /sys/fs/cgroup); do mount -o remount,bind,ro "$each"; done; exec "$@"'
NAMED = re.compile(r"mallory@example\.com\)? from [\d.]+ with X509SHA256=")
OF_A_CLUSTER = f"io.x-k8s.kind.cluster={kind_cluster.NAME}"


@pytest.fixture(scope="module")
def before() -> Machine:
    """The machine without any of it; SKIP where a daemon cannot be started."""
    with skipped_where_impossible("no Docker daemon can be started here"):
        requirements.check()
    return Machine.look()


@pytest.fixture(scope="module")
def daemon(before: Machine, kubernetes_binary: Path, k10apis_binary: Path, image_archive: Path) -> Iterator[Daemon]:
    """With the node image in it, and everything else that the demo takes built before."""
    assert before
    assert all(path.exists() for path in (kubernetes_binary, k10apis_binary, image_archive))
    with Daemon() as started:
        started.take_node_image()
        yield started


@pytest.fixture(scope="module")
def image() -> Mapping[str, str]:
    """How the demo is told which node image to take."""
    return {kind_cluster.IMAGE: node_image.NAME}


@pytest.fixture(scope="module")
def printed(daemon: Daemon, image: Mapping[str, str]) -> str:
    """What the demo printed."""
    done = _run(daemon, DEMO, DEMO="kind", **image)
    if done.returncode:
        raise ClusterError(f"the demo ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return done.stdout


def _run(daemon: Daemon, argv: Sequence[str], **variables: str) -> subprocess.CompletedProcess[str]:
    """In the daemon's network, with these variables."""
    environment = {name: value for name, value in daemon.environment.items() if not name.startswith("DEMO")}
    return subprocess.run(
        daemon.command(argv), env={**environment, **variables}, capture_output=True, text=True, timeout=900, check=False
    )


def test_the_demo_says_that_it_takes_kind_and_why(printed: str) -> None:
    assert "DEMO=kind: a new kind cluster in Docker, deleted at the end" in printed
    assert "Why: DEMO=kind." in printed


def test_the_demo_finds_every_step_of_the_intruder_once_in_a_kind_cluster(printed: str) -> None:
    assert "Found: 11 of 11 steps, each once." in printed
    assert "WRONG" not in printed


def test_the_agent_brings_the_audit_log_and_so_everybody_has_a_name_an_address_and_a_credential(printed: str) -> None:
    assert "It sees by the audit log by file" in printed
    assert re.search(r"audit-webhook +Webhook +Live", printed.expandtabs())
    assert len(NAMED.findall(printed)) >= 10, printed
    assert "nobody knows" not in printed
    assert "system:serviceaccount:kasten-io:k10-k10 from" in printed


def test_the_demo_leaves_no_container_no_volume_and_no_cluster_in_docker(daemon: Daemon, printed: str) -> None:
    assert "everything removed" in printed
    assert daemon.run("docker", "ps", "--all", "--quiet") == ""
    assert daemon.run("docker", "volume", "ls", "--quiet") == ""
    assert daemon.run("kind", "get", "clusters") == ""


def test_without_a_wish_kind_is_taken_where_no_node_is_possible_and_docker_answers(daemon: Daemon) -> None:
    done = _run(daemon, ["unshare", "--mount", "sh", "-euc", READ_ONLY, "sh", sys.executable, "-c", CHOOSE])

    assert done.returncode == 0, done.stderr
    assert "place='kind'" in done.stdout
    assert "a Docker daemon answers and kind is here" in done.stdout
    assert "is read only" in done.stdout


def test_where_kinds_own_node_image_cannot_be_pulled_the_way_out_is_said_in_place_of_a_traceback(
    daemon: Daemon,
) -> None:
    done = _run(daemon, DEMO, DEMO="kind")

    assert done.returncode == 1
    assert "failed to pull image" in done.stderr
    assert kind_cluster.IMAGE in done.stderr
    assert "Traceback" not in done.stderr


def test_a_cluster_of_that_name_that_is_there_already_is_neither_taken_nor_deleted(
    daemon: Daemon, image: Mapping[str, str]
) -> None:
    other = daemon.run("docker", "create", "--label", OF_A_CLUSTER, image[kind_cluster.IMAGE]).strip()
    try:
        done = _run(daemon, DEMO, DEMO="kind", **image)

        assert done.returncode == 1
        assert f"kind delete cluster --name {kind_cluster.NAME}" in done.stderr
        assert daemon.run("docker", "ps", "--all", "--quiet", "--no-trunc").strip() == other
    finally:
        daemon.run("docker", "rm", "--force", "--volumes", other)


def test_when_the_daemon_has_ended_the_machine_is_as_it_was(daemon: Daemon, printed: str, before: Machine) -> None:
    assert printed
    processes = str(Path(f"/proc/{daemon.init}/ns/pid").readlink())
    assert in_namespace("pid", processes)
    assert cgroups_named(daemon.cgroup)

    daemon.stop()

    with suppress(NotInTimeError):  # what follows names the difference
        eventually(lambda: Machine.look() == before, seconds=20)
    assert Machine.look() == before
    assert in_namespace("pid", processes) == []
    assert cgroups_named(daemon.cgroup) == []
    assert not daemon.directory.exists()
