"""A kind cluster of the demo's own: made with an audit log for the agent to read, and deleted with all it holds.

The node is kind's default, which Docker pulls; ``DEMO_KIND_IMAGE`` names another, for machines that reach no registry.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.cluster.audit import METADATA
from tests.cluster.errors import ClusterError
from tests.demo import probing, screen

NAME: Final = "k10-auditwatch-demo"
CONTEXT: Final = f"kind-{NAME}"
IMAGE: Final = "DEMO_KIND_IMAGE"
POLICY: Final = "policy.yaml"
"""The audit policy, where tests/e2e/kind.yaml looks for it: in the folder the command is given in."""
WAIT: Final = "180s"
UNPULLED: Final = "failed to pull image"


def create_command(kubeconfig: Path, environment: Mapping[str, str]) -> list[str]:
    """What makes the cluster, and writes the kubeconfig."""
    options = [f"--config={probing.KIND_CONFIGURATION}", f"--kubeconfig={kubeconfig}", f"--wait={WAIT}"]
    image = environment.get(IMAGE, "").strip()
    return ["kind", "create", "cluster", f"--name={NAME}", *options, *([f"--image={image}"] if image else [])]


def explained(complaint: str) -> str:
    """What kind says, and the fix where it is known."""
    if UNPULLED not in complaint:
        return complaint
    return (
        f"{complaint}\nname a node image for kind that Docker has already in {IMAGE}; `make kind` makes one of its own"
    )


def refuse_if_there() -> None:
    """Raises :class:`ClusterError` where another demo runs, or was killed: whose cluster it is cannot be known."""
    if NAME in _run(["kind", "get", "clusters"]).split():
        raise ClusterError(f"there is a kind cluster {NAME} already: if no other demo runs, {delete_by_hand()}")


def create(directory: Path, kubeconfig: Path) -> None:
    """Return when its node is Ready. ClusterError with kind's complaint."""
    (directory / POLICY).write_text(METADATA)
    _run(create_command(kubeconfig, os.environ), directory=directory)


def delete(kubeconfig: Path) -> None:
    """Delete it, also where it was half made; what goes wrong is said with the command to do it by hand."""
    try:
        _run(["kind", "delete", "cluster", f"--name={NAME}", f"--kubeconfig={kubeconfig}"])
    except ClusterError as problem:
        screen.note(f"The kind cluster is still there: {delete_by_hand()}. {problem}")


def delete_by_hand() -> str:
    """For a person."""
    return f"kind delete cluster --name {NAME}"


def _run(argv: list[str], *, directory: Path | None = None) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=directory)
    if done.returncode:
        raise ClusterError(explained(f"{' '.join(argv)}: exit code {done.returncode}\n{done.stderr.strip()}"))
    return done.stdout
