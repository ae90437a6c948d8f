"""Hands out a file's lines where they lie in the page cache, for copying them takes longer than searching them.

Whoever shortens a file takes its pages from all who have it mapped, and ends a process that looks at them (SIGBUS).
So each window is mapped under a read lease (fcntl(2), F_SETLEASE): there is none while somebody has the file open for
writing, as kube-apiserver has its live log, and who wants to open or shorten it waits until the lease is given back.
A window is held for the time it takes to be searched, a few milliseconds at most, and never while what was found in it
is dealt with. The kernel takes the lease from a process that was stopped meanwhile for longer than
/proc/sys/fs/lease-break-time (45 s).
"""

from __future__ import annotations

import fcntl
import mmap
import signal
from collections.abc import Generator
from typing import Final

import stringzilla

from auditwatch.scan.windows import WINDOW_BYTES, Window

_POPULATE_READ: Final = 22
"""MADV_POPULATE_READ of linux/mman.h (Linux 5.14): reads pages in, and fails where a look at them would be fatal."""


def mapped(descriptor: int, start: int, end: int) -> Generator[Window, None, int]:
    """Windows of ``[start, end)``, which ends lines; the position from which on the file has to be copied.

    That is ``start`` where the file is open for writing, belongs to somebody else, or the system has no leases; later
    where somebody opens or shortens it meanwhile, or a line is longer than a window.
    """
    base = start - start % mmap.ALLOCATIONGRANULARITY
    try:
        mapping = mmap.mmap(descriptor, end - base, mmap.MAP_SHARED, mmap.PROT_READ, offset=base)
    except (OSError, ValueError):  # it was shortened, is empty, or its file system maps nothing
        return start
    lease = _Lease(descriptor)
    with mapping, memoryview(mapping) as view:
        position, last = start - base, end - base
        try:
            while position < last and lease.take():
                stop = _whole_lines(mapping, view, position, last)
                if stop == position:
                    break
                yield Window(view, stop, position, release=lease.give_back)
                lease.give_back()
                position = stop
        finally:
            lease.give_back()
    return base + position


def _whole_lines(mapping: mmap.mmap, view: memoryview, position: int, last: int) -> int:
    """The end of the lines that are whole within a window; ``position`` where there is none, or no reading it."""
    limit = min(position + WINDOW_BYTES, last)
    page = position - position % mmap.PAGESIZE
    try:
        mapping.madvise(_POPULATE_READ, page, limit - page)
    except (AttributeError, OSError):
        return position
    return limit if limit == last else max(stringzilla.rfind(view, b"\n", position, limit) + 1, position)


class _Lease:
    """A read lease on an open file, taken and given back for each window."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._is_held = False
        # SIGIO, which is sent by default when somebody waits, would end the process.
        self._is_possible = self._control("F_SETSIG", signal.SIGURG)

    def take(self) -> bool:
        """Whether nobody can change the file from now on."""
        self._is_held = self._is_possible and self._control("F_SETLEASE", fcntl.F_RDLCK)
        return self._is_held

    def give_back(self) -> None:
        """Let others have the file, if they may not yet."""
        if self._is_held:
            self._is_held = not self._control("F_SETLEASE", fcntl.F_UNLCK)

    def _control(self, command: str, value: int) -> bool:
        """Whether the system knows this and does it. Neither is there on macOS."""
        try:
            fcntl.fcntl(self._descriptor, getattr(fcntl, command), value)
        except (AttributeError, OSError):
            return False
        return True
