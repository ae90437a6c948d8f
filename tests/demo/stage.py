"""What the story needs of the place where it happens."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from tests.cluster.controlplane import ControlPlane
from tests.cluster.errors import ClusterError
from tests.demo.choosing import Place

WAIT_SECONDS = 300.0
POLL_SECONDS = 0.5


class Stage(Protocol):
    """A cluster with K10 in it, and k10-auditwatch: made, used and removed. Each says what it does on the screen."""

    place: Place
    installed_as: str
    """How k10-auditwatch is installed, in a few words."""
    addresses: frozenset[str]
    """Where the intruder's requests come from; empty where that cannot be known beforehand."""
    installed_at: float
    """Seconds since the epoch: when the installation began."""

    @property
    def cluster(self) -> ControlPlane:
        """The cluster; only after :meth:`raise_cluster`."""

    def raise_cluster(self) -> None:
        """A cluster with K10 in it."""

    def install(self) -> None:
        """K10-auditwatch in it, with everything connected, and an AuditWatch applied."""

    def close(self) -> None:
        """Remove all of it; harmless when repeated, and when nothing was made."""

    def tail(self) -> str:
        """The end of the operator's log."""


def wait(stage: Stage, held: Callable[[], bool], *, what: str, seconds: float = WAIT_SECONDS) -> None:
    """Until ``held()``. Raises :class:`ClusterError` with the end of the operator's log where it does not hold."""
    deadline = time.monotonic() + seconds
    while not held():
        if time.monotonic() > deadline:
            raise ClusterError(f"waited {seconds:.0f} s for {what}:\n{stage.tail()}")
        time.sleep(POLL_SECONDS)
