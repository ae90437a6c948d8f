"""What is in the directory of a log right now."""

from __future__ import annotations

import stat
from pathlib import Path

from auditwatch.sources.file.naming import Grammar, Name
from auditwatch.sources.file.rotation import Entry


def list_log(directory: Path, grammar: Grammar) -> tuple[list[Entry], bool]:
    """Every name of the log, links not followed; and whether names came or went while they were looked at.

    Then a file may be in it under neither its old name nor its new one. Raises :class:`OSError` where the directory
    cannot be read.
    """
    names = _names(directory, grammar)
    entries = [entry for name in names if (entry := _entry(directory, name))]
    return entries, set(_names(directory, grammar)) != set(names)


def _names(directory: Path, grammar: Grammar) -> list[Name]:
    return [name for path in directory.iterdir() if (name := grammar.read(path.name))]


def _entry(directory: Path, name: Name) -> Entry | None:
    try:
        status = directory.joinpath(name.text).lstat()
    except FileNotFoundError:  # renamed or removed since: the next look sees what became of it
        return None
    regular = stat.S_ISREG(status.st_mode)
    return Entry(name, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, regular)
