"""The files of a log that are not open, and how far each was read: what a new name is compared with."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping

import msgspec

from auditwatch.sources.file.compressed import DamagedGzipError, UnfinishedGzipError
from auditwatch.sources.file.content import Content
from auditwatch.sources.file.identity import identify, is_finished_copy
from auditwatch.sources.file.position import FilePosition
from auditwatch.sources.file.rotation import Entry, forget


class Known:
    """Positions at rest."""

    def __init__(self, files: Iterable[FilePosition]) -> None:
        self._files = list(files)

    @property
    def files(self) -> tuple[FilePosition, ...]:
        """All of them, in the order in which they were last read."""
        return tuple(self._files)

    def add(self, position: FilePosition) -> None:
        """Remember a file that is no longer open."""
        self._files.append(position)

    def remove(self, position: FilePosition) -> None:
        """It is open again, and speaks for itself."""
        self._files.remove(position)

    def recognise(self, entry: Entry, content: Content, head: bytes) -> FilePosition | None:
        """Which one ``entry`` is, with the name it has now, or None. Raises what reading ``content`` raises."""
        size = sys.maxsize if entry.name.is_gzip else content.size()
        found = identify(self._files, inode=entry.id, head=head, size=size, trail_at=content.trail_at)
        return None if found is None else self._rename(found, entry)

    def has_finished(self, entry: Entry, content: Content, head: bytes) -> bool:
        """Whether ``entry`` is a compressed copy of a file that was read to its end under the name it is a copy of."""
        if not entry.name.is_gzip:
            return False
        name, size = entry.name.text, content.size()
        found = next((one for one in self._files if is_finished_copy(one, name=name, head=head, size=size)), None)
        if found is not None:
            self._rename(found, entry)
        return found is not None

    def _rename(self, found: FilePosition, entry: Entry) -> FilePosition:
        renamed = msgspec.structs.replace(found, name=entry.name.text, device=entry.device, inode=entry.inode)
        self._files[self._files.index(found)] = renamed
        return renamed

    def unfinished(self) -> tuple[FilePosition, ...]:
        """Files whose rest is still to be read, if they are found again."""
        return tuple(one for one in self._files if not one.ended)

    def end_all(self) -> None:
        """Wait for none of them any longer."""
        self._files = [msgspec.structs.replace(one, ended=True) for one in self._files]

    def forget(self, present: Mapping[str, bool]) -> None:
        """Drop what is long gone; ``present``: by name there is, whether it is still looked at."""
        self._files = list(forget(self._files, present))


def has_more(content: Content, known: FilePosition) -> bool:
    """Whether there is something to read behind the position of a file that had ended; damage was told then."""
    try:
        return bool(content.read(known.offset, 1))
    except (UnfinishedGzipError, DamagedGzipError):
        return False
