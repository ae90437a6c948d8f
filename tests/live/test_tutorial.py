"""The tutorial, from its first `kubectl` to its last, as a newcomer pastes it: only the port of the probes differs."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from tests.k10.standin import K10StandIn
from tests.live import policies
from tests.live.installation import API_VERSION, LEASES, NAMESPACE, REPOSITORY
from tests.unit.docs import surroundings
from tests.unit.docs.blocks import Block, blocks_in, pages
from tests.unit.docs.running import BACKGROUND, PageError, run

PAGE = "tutorial/first-finding.md"
LINKED = ("crds", "manifests", "examples", ".venv")
PORT = "port: 8080"
WRITTEN = (f"{API_VERSION}/{{}}/auditwatches", f"{API_VERSION}/{{}}/k10securityfindings", LEASES)


def test_the_tutorial_ends_in_a_finding_that_is_closed(quiet_k10: K10StandIn, tmp_path: Path) -> None:
    cluster = quiet_k10.cluster
    policies.forget(cluster)
    for name in LINKED:
        (tmp_path / name).symlink_to(REPOSITORY / name)
    path = f"{cluster.binary.parent}:{surroundings.environment(tmp_path)['PATH']}"
    kubeconfig = str(cluster.kubeconfig())
    environment = surroundings.environment(tmp_path, PATH=path, KUBECONFIG=kubeconfig, TMPDIR=str(tmp_path))
    written = [block for block in blocks_in(pages()[PAGE], PAGE) if block.place == "operator"]
    (background,) = [block for block in written if BACKGROUND in block.options]
    before, after = written[: written.index(background)], written[written.index(background) + 1 :]
    assert PORT in background.text
    operator = replace(background, text=background.text.replace(PORT, f"port: {cluster.reserve_port()}"))
    try:
        for block in before:
            run(block, directory=tmp_path, environment=environment)
        with running(operator, tmp_path, environment):
            for block in after:
                run(block, directory=tmp_path, environment=environment)
    finally:
        for resource in WRITTEN:
            cluster.request("DELETE", f"/apis/{resource.format(f'namespaces/{NAMESPACE}')}")


@contextmanager
def running(block: Block, directory: Path, environment: dict[str, str]) -> Iterator[None]:
    """The block of the second terminal, ended like by Ctrl-C in the end."""
    with (directory / "operator.log").open("wb") as log:
        process = subprocess.Popen(
            [
                "bash",
                "-euo",
                "pipefail",
                "-c",
                block.text.replace("\n.venv/bin/auditwatch", "\nexec .venv/bin/auditwatch"),
            ],
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            yield
        except PageError as error:
            error.add_note((directory / "operator.log").read_text())
            raise
        else:
            assert process.poll() is None, (directory / "operator.log").read_text()
        finally:
            process.terminate()
            process.wait(timeout=60)
