"""How a command of people ends: what went wrong is a message, and whoever interrupts it gets the shell's code."""

import sys
from collections.abc import Callable

from tests.cluster.errors import ClusterError

FAILED = 1
INTERRUPTED = 130


def exit_code(command: Callable[[], int]) -> int:
    """The command's own; :data:`FAILED`, with the reason, for a :class:`ClusterError`."""
    try:
        return command()
    except ClusterError as problem:
        sys.stderr.write(f"error: {problem}\n")
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
