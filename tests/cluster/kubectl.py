"""The bundled kubectl and helm, run as somebody."""

import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.cluster.errors import KubectlError

KUBECTL_SECONDS = 600


def run(arguments: Sequence[str], *, binary: Path, kubeconfig: Path, home: Path, stdin: str | None = None) -> str:
    """Return what kubectl prints; raise KubectlError with its complaint when it fails."""
    return run_program("kubectl", arguments, binary=binary, kubeconfig=kubeconfig, home=home, stdin=stdin)


def environment(given: Mapping[str, str], *, kubeconfig: Path, home: Path) -> dict[str, str]:
    """A client's: a home of its own, so that caches of two clusters stay apart and none stays behind."""
    kept = {name: value for name, value in given.items() if not name.startswith(("HELM_", "XDG_", "KUBE"))}
    return {**kept, "KUBECONFIG": str(kubeconfig), "HOME": str(home)}


def run_program(
    program: str, arguments: Sequence[str], *, binary: Path, kubeconfig: Path, home: Path, stdin: str | None = None
) -> str:
    """The same for another client of the one binary, such as helm."""
    finished = subprocess.run(
        [str(binary), program, *arguments],
        input="" if stdin is None else stdin,
        capture_output=True,
        text=True,
        timeout=KUBECTL_SECONDS,
        check=False,
        env=environment(os.environ, kubeconfig=kubeconfig, home=home),
    )
    if finished.returncode != 0:
        raise KubectlError(
            command=shlex.join([program, *arguments]),
            code=finished.returncode,
            stderr=finished.stderr or finished.stdout,
        )
    return finished.stdout
