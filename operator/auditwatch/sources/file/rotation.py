"""What the files of a log are to each other, and which of them is read next. Decides only; nothing here is opened.

Backups come in the order of the times in their names, the live file last. A backup that is there both compressed and
not is one file: kube-apiserver removes the original only when the copy is complete, and a crash leaves both.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from auditwatch.sources.file.naming import LIVE, Name
from auditwatch.sources.file.position import FilePosition

Inode = tuple[int, int]
MISSING_KEPT = 32
"""Files no longer there that are remembered all the same: the directory may be away for a while only."""
FILES_KEPT = 1024
"""Backups that are remembered one by one; of all that are older it is remembered that they were read."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One name of the log in its directory."""

    name: Name
    device: int
    inode: int
    size: int
    """Bytes on disk."""
    changed: int
    """mtime, nanoseconds."""
    is_regular: bool = True

    @property
    def id(self) -> Inode:
        """Device and inode: the file, for as long as somebody holds it open."""
        return self.device, self.inode

    @property
    def state(self) -> tuple[str, int, int, int, int]:
        """Equal states: nothing has been done to it."""
        return self.name.text, self.device, self.inode, self.size, self.changed


State = tuple[str, int, int, int, int]


def in_order(entries: Iterable[Entry]) -> list[Entry]:
    """The files of the log, oldest first, each once."""
    plain = {entry.name.stamp for entry in entries if not entry.name.is_gzip}
    kept = [entry for entry in entries if not (entry.name.is_gzip and entry.name.stamp in plain)]
    return sorted(kept, key=lambda entry: entry.name.stamp)


def to_examine(
    entries: Iterable[Entry], *, held: Collection[Inode], settled: Collection[State], before: str
) -> list[Entry]:
    """Those of ``entries`` of which it is not known that there is nothing to read in them.

    ``held`` are open; ``settled`` were read to the end in this state; backups up to ``before`` are not wanted.
    """
    return [
        entry
        for entry in entries
        if entry.is_regular and entry.id not in held and entry.state not in settled and entry.name.stamp > before
    ]


def is_superseded(stamp: str, inode: Inode, entries: Sequence[Entry]) -> bool:
    """Whether a later file of the log exists than the one that had the name with this ``stamp`` last.

    The live file is superseded by another one under its name; where its own name is a backup's, by any later name.
    """
    return any(
        entry.id != inode and (entry.name.stamp > stamp or entry.name.stamp == stamp == LIVE)
        for entry in entries
        if entry.is_regular
    )


def newest_backup(entries: Iterable[Entry]) -> str:
    """The last time in a name; empty where there is no backup."""
    return max((entry.name.stamp for entry in entries if not entry.name.is_live), default="")


def expect_last(files: Sequence[FilePosition]) -> tuple[FilePosition, ...]:
    """``files`` at a start, the newest of them to be found again even if it was read to its end.

    kube-apiserver removes the oldest backups first: where this one still is, nothing that came after it is missing.
    """
    return (*files[:-1], msgspec.structs.replace(files[-1], ended=False)) if files else ()


def read_up_to(entries: Sequence[Entry], *, settled: Collection[State], before: str) -> str:
    """The time in a name up to which no backup is wanted any more: ``before``, or later where there are too many.

    ``entries`` are all there are, oldest first; ``settled`` were read to the end. Nothing that was not is passed over.
    Only a clock that is set back behind :data:`FILES_KEPT` backups, while nobody reads, makes a new one look so old.
    """
    for entry in entries[: max(0, len(entries) - FILES_KEPT)]:
        if entry.name.is_live or (entry.name.stamp > before and entry.state not in settled):
            break
        before = max(before, entry.name.stamp)
    return before


def forget(known: Sequence[FilePosition], present: Mapping[str, bool]) -> tuple[FilePosition, ...]:
    """``known`` without what is long gone. ``present``: by name in the directory, whether it is still looked at.

    A name stands for its file here: kept one too many costs a few bytes, forgotten too early a second reading.
    """
    missing = [id(one) for one in known if one.name not in present]
    gone = {*missing[: max(0, len(missing) - MISSING_KEPT)]}
    return tuple(one for one in known if present.get(one.name, True) and id(one) not in gone)
