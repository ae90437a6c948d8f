"""What a machine must have to run a node; said in full, with the command that brings what is missing."""

import os
import subprocess

from tests.cluster.errors import ClusterError
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
PROBE = ["unshare", "--mount", "--net", "--pid", "--uts", "--ipc", "--fork", "--mount-proc", "true"]


class NoNodeHereError(ClusterError):
    """Whatever is installed, a node cannot run on this machine; the text says why."""


def check() -> None:
    """Return where a node can be started.

    Raises :class:`NoNodeHereError` where the machine is not able to, and
    :class:`tests.images.packages.MissingPackagesError` where it is and Debian packages are missing.
    """
    if os.geteuid() != 0:
        raise NoNodeHereError("a node needs root: kubelet and containerd make namespaces, mounts and cgroups")
    refused = subprocess.run(PROBE, capture_output=True, text=True, check=False)
    if refused.returncode != 0:
        raise NoNodeHereError(f"a node needs namespaces of its own, and they are refused: {refused.stderr.strip()}")
    require(COMMANDS)
