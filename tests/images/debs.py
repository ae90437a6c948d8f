"""Debian packages whose files are used where they are unpacked: fetched by apt, never installed."""

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.cluster.errors import ClusterError


def extract(package: str, into: Path) -> None:
    """Fetch the newest that apt knows, and put its files into a folder. ClusterError where apt has none."""
    with tempfile.TemporaryDirectory(prefix="k10-auditwatch-deb-") as scratch:
        _run(["apt-get", "download", "-o", "APT::Sandbox::User=root", package], cwd=scratch)
        (archive,) = Path(scratch).glob("*.deb")
        _run(["dpkg-deb", "--extract", str(archive), str(into)])


def _run(argv: Sequence[str], *, cwd: str | None = None) -> None:
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=cwd)
    except FileNotFoundError as problem:
        raise ClusterError(f"{argv[0]} is not here: packages of Debian's are fetched with it") from problem
    if done.returncode != 0:
        complaint = f"{' '.join(argv)}: exit code {done.returncode}\n{done.stderr.strip()}"
        raise ClusterError(f"{complaint}\napt may know no packages yet: run apt-get update")
