"""How the demo looks in a terminal: headings, commands as typed, output indented, and how long things took."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

COLOUR = sys.stdout.isatty() and "NO_COLOR" not in os.environ


def heading(text: str) -> None:
    """A line that opens a part."""
    print(f"\n{_coloured('1;36', '== ' + text)}", flush=True)


def command(text: str) -> None:
    """A command as somebody typed it."""
    print(_coloured("1", f"  $ {text}"), flush=True)


def kubectl(*arguments: str) -> None:
    """A command of kubectl."""
    command(f"kubectl {shlex.join(arguments)}")


def output(text: str) -> None:
    """What it printed."""
    for line in text.rstrip().splitlines():
        print(f"    {line}", flush=True)


def note(text: str) -> None:
    """A sentence of ours."""
    print(f"  {text}", flush=True)


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Say what is done, and how long it took."""
    started = time.monotonic()
    print(f"  {what} …", end="", flush=True)
    yield
    print(f" {time.monotonic() - started:.1f} s", flush=True)


def _coloured(code: str, text: str) -> str:
    return f"\033[{code}m{text}\033[0m" if COLOUR else text
