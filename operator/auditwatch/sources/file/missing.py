"""Backups that waited to be read and are not there any more. Decides only.

A look at a directory is no picture of one moment: a file that is renamed or compressed meanwhile may show under neither
name. By the next look its new name has been there from the beginning, so what is missing in two looks in a row is gone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from auditwatch.sources.file.naming import Name
from auditwatch.sources.file.rotation import Entry


class Missing:
    """What the last look did not find."""

    def __init__(self) -> None:
        self.names: tuple[Name, ...] = ()

    def look(self, waited: Iterable[Entry], present: Collection[str]) -> list[Name]:
        """Of what ``waited`` before this look and of what was missing then: what is lost. ``present`` are stamps.

        The live file is left out: its stamp is every live file's, so only its bytes tell what became of it.
        """
        lost = [name for name in self.names if name.stamp not in present]
        gone = (entry.name for entry in waited if entry.name.stamp not in present)
        self.names = tuple(name for name in gone if not name.is_live)
        return lost
