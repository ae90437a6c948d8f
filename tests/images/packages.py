"""Debian packages a test needs: never installed behind a person's back, only where ``YES=1`` says so."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping

from tests.cluster.errors import ClusterError

CONSENT = "YES"
LOCK_SECONDS = 300
ERROR_LINES = 10


class MissingPackagesError(ClusterError):
    """Programs are missing and nobody agreed to their installation; the text has the command."""


def missing(commands: Mapping[str, str], *, present: Iterable[str]) -> tuple[str, ...]:
    """The packages, sorted, of those commands (command: Debian package) that are not there."""
    return tuple(sorted({package for command, package in commands.items() if command not in set(present)}))


def command_line(packages: Iterable[str]) -> list[str]:
    """What installs them; recommendations stay out (buildah's would bring crun, which refuses hybrid cgroups)."""
    options = ["-o", f"DPkg::Lock::Timeout={LOCK_SECONDS}", "install", "--yes", "--no-install-recommends"]
    return ["apt-get", *options, *packages]


def require(commands: Mapping[str, str]) -> None:
    """See to it that these commands are there. MissingPackagesError where they are not and may not be installed."""
    packages = missing(commands, present=[name for name in commands if shutil.which(name)])
    if not packages:
        return
    if refusal := _refusal(packages):
        raise MissingPackagesError(refusal)
    sys.stderr.write(f"installing Debian packages, as {CONSENT}=1 allows: {' '.join(packages)}\n")
    _run(["apt-get", "--quiet", "update"])
    _run(command_line(packages))


def _refusal(packages: tuple[str, ...]) -> str:
    names = " ".join(packages)
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return f"needs root and programs of {names}; on Debian: sudo apt-get install --no-install-recommends {names}"
    if os.environ.get(CONSENT) != "1":
        command = " ".join(command_line(packages))
        return f"Debian packages are missing: set {CONSENT}=1 to have them installed, or run: {command}"
    return ""


def _run(argv: list[str]) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=environment)
    if done.returncode != 0:
        end = "\n".join((done.stdout + done.stderr).splitlines()[-ERROR_LINES:])
        raise ClusterError(f"{' '.join(argv)}: exit code {done.returncode}\n{end}")
