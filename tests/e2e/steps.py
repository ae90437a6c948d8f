"""What ``make e2e`` prints: each step, how long it took, and how much memory the pods have then. Nothing is judged."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.e2e.release import Release


class Steps:
    """Prints as it goes; seen with ``pytest -s``."""

    def __init__(self) -> None:
        self._begun = time.monotonic()

    @contextmanager
    def step(self, what: str, release: Release) -> Iterator[None]:
        """One step, told once it is done."""
        started = time.monotonic()
        yield
        self.tell(what, time.monotonic() - started, release.memory())

    def tell(self, what: str, seconds: float, remark: str = "") -> None:
        """A duration."""
        total = time.monotonic() - self._begun
        line = f"\n  [{total:5.0f} s] {what}: {seconds:.1f} s{f'; {remark}' if remark else ''}"
        print(line, flush=True)  # noqa: T201 - what make e2e is run for
