"""What a machine must have for a Docker daemon of our own; said in full, with the command that brings it."""

from __future__ import annotations

from typing import Final

from tests.cluster.node import requirements
from tests.images import buildah, packages

COMMANDS: Final = {
    "containerd": "containerd",
    "runc": "runc",
    "iptables": "iptables",
    "nft": "nftables",
    "busybox": "busybox-static",
    "ip": "iproute2",
    **buildah.COMMANDS,
}
"""Command: the Debian package it is in. Docker's own is not among them: its files are fetched, not installed."""


def check() -> None:
    """Return where the daemon can be started.

    Raises :class:`tests.cluster.node.requirements.NoNodeHereError` where the machine is not able to, and
    :class:`tests.images.packages.MissingPackagesError` where it is and Debian packages are missing.
    """
    requirements.able()
    packages.require(COMMANDS)
