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


def able() -> None:
    """Return where a node could be started once its packages are there. Raises :class:`NoNodeHereError`."""
    if os.geteuid() != 0:
        raise NoNodeHereError("a node needs root: kubelet and containerd make namespaces, mounts and cgroups")
    refused = subprocess.run(PROBE, capture_output=True, text=True, check=False)
    if refused.returncode != 0:
        raise NoNodeHereError(f"a node needs namespaces of its own, and they are refused: {refused.stderr.strip()}")
