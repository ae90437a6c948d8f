"""What is in the directory of a log right now."""

from __future__ import annotations

import stat
from pathlib import Path

from auditwatch.sources.file.naming import Grammar
from auditwatch.sources.file.rotation import Entry


def list_log(directory: Path, grammar: Grammar) -> list[Entry]:
    """Every name of the log, links not followed. Raises :class:`OSError` where the directory cannot be read."""
    entries = []
    for path in directory.iterdir():
        name = grammar.read(path.name)
        if name is None:
            continue
        try:
            status = path.lstat()
        except FileNotFoundError:  # renamed or removed since: the next look sees what became of it
            continue
        regular = stat.S_ISREG(status.st_mode)
        entries.append(Entry(name, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, regular))
    return entries
