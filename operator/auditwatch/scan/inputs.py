"""Which files a scan reads, in which order, and what each of them is.

Files given by name are in the order given (:mod:`auditwatch.scan.ordering` puts those of one log right). In a directory
the backups of a log come in order of time, the live file last: what changed is found by what was there before, so order
matters.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

STDIN: Final = "-"
Form = Literal["Plain", "Gzip", "Stream"]
"""Plain: read in ranges, by several processes. Gzip: from its beginning to its end. Stream: likewise, size unknown."""

GZIP_MAGIC: Final = b"\x1f\x8b"
_PACKED: Final = r"\.(gz|xz|zst|bz2|lz4|zip|Z)"
"""Only gzip is read; whoever packed a log otherwise is told so, and what to do."""
_PACKED_NAME: Final = re.compile(rf"{_PACKED}$")
_LOG: Final = re.compile(rf"\.(log|json|jsonl|ndjson|txt)(\.\d+)?({_PACKED})?$|\.gz$")
_ROTATED: Final = re.compile(
    rf"(?P<stem>.*)-(?P<stamp>\d{{4}}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{{3}})(?P<suffix>\.[^.]+)?({_PACKED})?"
)
"""kube-apiserver's names of backups: ``audit-2006-01-02T15-04-05.000.log``, ``….log.gz``."""
_NUMBERED: Final = re.compile(rf"(?P<live>.*)\.(?P<number>\d{{1,6}})({_PACKED})?")
"""logrotate's: ``audit.log.1``, the higher the older."""


class InputError(Exception):
    """A file that cannot be scanned; the message names it and says what to do."""


@dataclass(frozen=True, slots=True)
class Input:
    """One thing to read. ``name``: as people gave it; ``size``: bytes now, 0 of a stream."""

    name: str
    form: Form
    size: int = 0
    directory: str = ""
    """As people gave it, where it was found in one."""

    @property
    def given(self) -> str:
        """What people named: this, or a directory with it."""
        return self.directory or self.name


Warn = Callable[[str], None]
"""Told, in a sentence, of something in a directory that is passed over."""


def inputs_of(given: Sequence[str], warn: Warn = lambda _sentence: None) -> tuple[Input, ...]:
    """Everything to read, in order. Raises :class:`InputError` before anything was read."""
    if len([name for name in given if name == STDIN]) > 1:
        raise InputError("-: standard input can be read only once")
    return tuple(each for name in given for each in _expanded(name, warn))


def _expanded(name: str, warn: Warn) -> Iterator[Input]:
    if name == STDIN:
        yield Input(STDIN, "Stream")
        return
    path = Path(name)
    if path.is_dir():
        names = list(_logs_in(path, warn))
        if not names:
            raise InputError(f"{name}: no log in this directory: name the files (*.log, *.log.gz, *.json …)")
        yield from (replace(_input(each), directory=name) for each in names)
    else:
        yield _input(name)


def _input(name: str) -> Input:
    try:
        status = Path(name).stat()
        if not stat.S_ISREG(status.st_mode):
            return Input(name, "Stream")
        with Path(name).open("rb") as file:
            is_gzip = file.read(2) == GZIP_MAGIC
    except OSError as error:
        raise InputError(f"{name}: cannot be read: {error.strerror or error}{_fix(error)}") from error
    return Input(name, "Gzip" if is_gzip else "Plain", status.st_size)


def _fix(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return " (audit logs belong to root: copy it, or pipe it in: sudo cat FILE | auditwatch scan -)"
    return ""


def _logs_in(directory: Path, warn: Warn) -> Iterator[str]:
    """The logs below a directory, each log's backups before its live file."""
    try:
        entries = sorted(os.scandir(directory), key=lambda entry: order_of(entry.name))
    except OSError as error:
        raise InputError(f"{directory}: cannot be read: {error.strerror or error}") from error
    files = {entry.name for entry in entries if _is_file(entry, warn)}
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _logs_in(Path(entry.path), warn)
        elif entry.name in files and _LOG.search(entry.name) and not _is_twin(entry.name, files):
            yield entry.path


def _is_file(entry: os.DirEntry[str], warn: Warn) -> bool:
    """Whether it is a file, or a link to one; of a link that leads to nothing at all it is told."""
    try:
        if entry.is_symlink():
            Path(entry.path).stat()
        return entry.is_file()
    except OSError as error:
        warn(f"{entry.path}: passed over, as where this link leads cannot be read: {error.strerror or error}")
        return False


def _is_twin(name: str, files: set[str]) -> bool:
    """Whether it is the compressed copy of a file that is still there: it may be half written."""
    return (packed := _PACKED_NAME.search(name)) is not None and name[: packed.start()] in files


def order_of(name: str) -> tuple[str, int, str, int]:
    """Sorts the files of one log: by the name of the live file, then oldest first, the live one last."""
    if found := _ROTATED.fullmatch(name):
        return found["stem"] + (found["suffix"] or ""), 0, found["stamp"], 0
    if found := _NUMBERED.fullmatch(name):
        return found["live"], 1, "", -int(found["number"])
    return name, 2, "", 0
