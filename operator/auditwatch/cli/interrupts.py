"""Who interrupts a command gets the shell's exit code and no traceback, from its first moment on.

Importing takes a good part of a second, in which an interrupt would be raised in the middle of anybody's module.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

INTERRUPTED: Final = 130
"""What a shell says of a command that an interrupt ended."""


@contextmanager
def leaving_at_once() -> Iterator[None]:
    """While nothing is open that has to be closed, an interrupt ends the process here and now.

    Nothing is done where interrupts are ignored (nohup) or somebody else deals with them.
    """
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
