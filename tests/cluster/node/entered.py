"""A component in all of the node's namespaces, as a process its owner can end.

A program enters the node's processes only as a child of nsenter, which waits for it and does not pass on signals:
ended itself, it would leave the component running.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import Self

import psutil

from tests.cluster.processes import Process
from tests.cluster.waiting import eventually


class Entered(Process):
    """Signals go to the component; the exit code is the one that nsenter passes on."""

    @classmethod
    def of(cls, outer: Process) -> Self:
        """What nsenter, started as ``outer``, runs."""
        return cls(outer._processes, name=outer.name, pid=outer.pid, log=outer.log)

    def send(self, number: signal.Signals) -> None:
        """Wait for the component to exist; harmless where it has ended."""
        eventually(lambda: self.exit_code() is not None or child(self.pid))
        if inner := child(self.pid):
            with suppress(ProcessLookupError):
                os.kill(inner, number)

    @property
    def inner(self) -> int:
        """The pid, on the machine, of the component."""
        eventually(lambda: child(self.pid), f"the start of {self.name}")
        return child(self.pid)


def child(pid: int) -> int:
    """The pid of a process's first child; 0 without one."""
    with suppress(psutil.NoSuchProcess):
        return next((each.pid for each in psutil.Process(pid).children()), 0)
    return 0
