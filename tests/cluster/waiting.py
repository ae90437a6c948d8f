"""Waiting for what a real cluster does in its own time, with a limit that only a failure meets."""

import time
from collections.abc import Callable

PATIENCE_SECONDS = 300.0
POLL_SECONDS = 0.1


def eventually(holds: Callable[[], object], *, seconds: float = PATIENCE_SECONDS) -> None:
    """Return as soon as `holds()` is true; fail the test when it stays false."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(POLL_SECONDS)
