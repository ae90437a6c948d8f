"""What a command costs: processor time of it and of everything it started, and the memory it needs of its own."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ENDED: Final = frozenset({0, 1})
"""Exit codes of a scan that did what it should: nothing found, something found."""
_POLL_SECONDS: Final = 0.02


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of one run: of the processor, and by the clock on the wall."""

    processor: float
    wall: float


def cost_of(command: Sequence[str]) -> Cost:
    """Run it once. Raises ``RuntimeError`` where it does not end well."""
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in ENDED:
        raise RuntimeError(f"{' '.join(command)}: exit code {process.returncode}")
    return Cost(usage.ru_utime + usage.ru_stime, wall)


def private_memory(command: Sequence[str]) -> list[int]:
    """Bytes of RssAnon of a command and all it starts, in the course of time."""
    seen: list[int] = []
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            seen.append(sum(_anonymous(each) for each in _family(process.pid)))
            time.sleep(_POLL_SECONDS)
    return seen


def _family(pid: int) -> Iterator[int]:
    yield pid
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _family(int(child))


def _anonymous(pid: int) -> int:
    with suppress(OSError, StopIteration):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("RssAnon")).split()[1]) * 1024
    return 0
