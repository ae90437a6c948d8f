"""Standard output that is closed, or on a full disk, is told in a sentence: half a report must not pass for a whole."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, TextIO, cast

import typer

UNWRITABLE: Final = 2
"""Exit code where what a command had to say could not be written."""
_ENDED: Final = 1
"""Exit code where whoever read the output has seen enough, as typer has it."""


class _Watched(io.FileIO):
    """Standard output that remembers why it could not be written to: to a caller any error may be of any file."""

    failed: OSError | None = None

    def write(self, data: bytes) -> int:  # type: ignore[override]  # whatever is a buffer
        try:
            return super().write(data)
        except OSError as error:
            self.failed = error
            raise


def written(command: Callable[[], None]) -> int:
    """Run a command, and see to it that what it printed arrives; the exit code. Raises what the command raises."""
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - for as long as the process lasts
    if sys.stdout is None:
        return _unwritable("it is closed")
    usual = sys.stdout
    try:
        descriptor = usual.fileno()
    except io.UnsupportedOperation:  # somebody holds in memory what is printed
        return _code_of(command)
    return _watched(command, usual, _Watched(descriptor, "w", closefd=False))


def _watched(command: Callable[[], None], usual: TextIO, output: _Watched) -> int:
    sys.stdout = _in_place_of(usual, output)
    try:
        code = _code_of(command)
        sys.stdout.flush()
    except OSError:
        if output.failed is None:
            raise
    finally:
        if output.failed is not None:  # else what is left would be tried, and complained of, once more
            os.dup2(os.open(os.devnull, os.O_WRONLY), output.fileno())
        sys.stdout = usual
    return code if output.failed is None else _ended_by(output.failed)


def _in_place_of(usual: TextIO, output: _Watched) -> TextIO:
    """The same in all but what it writes to."""
    is_unbuffered = getattr(usual, "write_through", False)
    return io.TextIOWrapper(
        output if is_unbuffered else io.BufferedWriter(cast("io.RawIOBase", output)),
        encoding=usual.encoding,
        errors=usual.errors,
        line_buffering=bool(usual.line_buffering),
        write_through=is_unbuffered,
    )


def _code_of(command: Callable[[], None]) -> int:
    try:
        command()
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else int(left.code is not None)
    return 0


def _ended_by(error: OSError) -> int:
    return _ENDED if error.errno == errno.EPIPE else _unwritable(error.strerror or str(error))


def _unwritable(reason: str) -> int:
    typer.echo(f"error: standard output cannot be written to: {reason}", err=True)
    return UNWRITABLE
