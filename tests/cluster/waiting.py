"""Waiting for what a real cluster does in its own time, with a limit that only a failure meets."""

import time
from collections.abc import Callable

from tests.cluster.errors import NotInTimeError

PATIENCE_SECONDS = 300.0
POLL_SECONDS = 0.1


def eventually(holds: Callable[[], object], what: str = "it", *, seconds: float = PATIENCE_SECONDS) -> None:
    """Return as soon as `holds()` is true; NotInTimeError, which says `what` did not happen, when it stays false."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() >= deadline:
            raise NotInTimeError(what, seconds=seconds)
        time.sleep(POLL_SECONDS)
