"""Ports on loopback that stay ours while a component is stopped.

A restarted API server must come back on its old port. The kernel hands out ports
above 32767 to outgoing connections, so ours are taken from below, and a lock file
per port keeps two control planes apart while nothing listens there.
"""

import fcntl
import os
import random
import socket
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Self, TextIO

from tests.cluster.errors import ClusterError

CANDIDATES = range(20_000, 32_000)
ATTEMPTS = 200


class PortReservation:
    """One port; nobody else who reserves ports this way gets it before `release`."""

    def __init__(self, *, number: int, lock: TextIO) -> None:
        self.number = number
        self._lock = lock

    @classmethod
    def take(cls, *, candidates: Iterable[int] | None = None) -> Self:
        """Reserve the first candidate (default: in random order) that is free."""
        for number in _shuffled() if candidates is None else candidates:
            lock = _locked(number)
            if lock is None:
                continue
            if _is_free(number):
                return cls(number=number, lock=lock)
            lock.close()
        raise ClusterError("no free port on 127.0.0.1: stop some control planes and try again")

    def release(self) -> None:
        self._lock.close()


def _shuffled() -> list[int]:
    return random.sample(CANDIDATES, ATTEMPTS)


def _locked(number: int) -> TextIO | None:
    directory = Path(tempfile.gettempdir()) / f"k10-auditwatch-ports.{os.getuid()}"
    directory.mkdir(mode=0o700, exist_ok=True)
    lock = (directory / str(number)).open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock


def _is_free(number: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", number))
        except OSError:
            return False
    return True
