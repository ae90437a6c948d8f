"""What a machine must have to run a node; said in full, with the command that brings what is missing."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.cluster.errors import ClusterError
from tests.cluster.node import cgroups
from tests.images.packages import require

COMMANDS = {
    "containerd": "containerd",
    "ctr": "containerd",
    "runc": "runc",
    "iptables": "iptables",
    "nft": "nftables",
    "conntrack": "conntrack",
    "busybox": "busybox-static",
    "ip": "iproute2",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
}
"""Command, or path of a file: the Debian package it is in."""
SPACES = ("unshare", "--mount", "--net", "--pid", "--uts", "--ipc", "--fork", "--mount-proc")
NETWORK = "ip link add probe0 type veth peer name probe1 && ip link add probe2 type bridge && nft add table ip probe"
OVERLAY = ("mount", "-t", "overlay", "overlay", "-o", "lowerdir=lower,upperdir=upper,workdir=work", "lower")


class NoNodeHereError(ClusterError):
    """Whatever is installed, a node cannot run on this machine; the text says why."""


def check() -> None:
    """Return where a node can be started.

    Raises :class:`NoNodeHereError` where the machine is not able to, and
    :class:`tests.images.packages.MissingPackagesError` where it is and Debian packages are missing.
    """
    able()
    require(COMMANDS)
    _try([*SPACES, "sh", "-c", NETWORK], "cables, bridges and packet rules (veth, bridge, nf_tables)")
    _try_overlay()


def able() -> None:
    """Return where a node could be started once its packages are there. Raises :class:`NoNodeHereError`."""
    if sys.platform != "linux" or not shutil.which(SPACES[0]):
        raise NoNodeHereError(f"a node needs Linux, and util-linux for its {SPACES[0]} and nsenter")
    if os.geteuid() != 0:
        raise NoNodeHereError("a node needs root: kubelet and containerd make namespaces, mounts and cgroups")
    _try([*SPACES, "true"], "namespaces of its own")
    if not cgroups.is_writable():
        raise NoNodeHereError(f"a node needs cgroups of its own, and {cgroups.ROOT} is read only or has none")
    if cgroups.is_unified() and (withheld := sorted(cgroups.withheld())):
        names = ", ".join(withheld)
        raise NoNodeHereError(f"a node needs cgroups with {names}, which {cgroups.ROOT} does not hand on: a container?")


def _try_overlay() -> None:
    """Where the node's files will be: a folder that is an overlay itself cannot hold another."""
    with tempfile.TemporaryDirectory(prefix="k10-auditwatch-overlay-") as folder:
        for name in ("lower", "upper", "work"):
            (Path(folder) / name).mkdir()
        _try([*SPACES, *OVERLAY], f"overlay mounts in {tempfile.gettempdir()}", folder=folder)


def _try(argv: Sequence[str], what: str, *, folder: str | None = None) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=folder)
    if done.returncode != 0:
        raise NoNodeHereError(f"a node needs {what}, refused here: {done.stderr.strip()}")
