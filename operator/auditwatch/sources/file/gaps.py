"""Stretches of a log that are lost, or may be: told with bounds in time and what to do, never passed over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from auditwatch.events.times import parse_time
from auditwatch.sources.file.naming import Name

Reason = Literal["HistoryLost", "BackupLost", "BackupUnreadable", "LogTruncated", "LogRemoved", "LinesUnreadable"]
_TIME = b'"stageTimestamp":"'
_KEEP_MORE = "Let kube-apiserver keep more backups (--audit-log-maxbackup, --audit-log-maxage)"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileGap:
    """Times are seconds since the epoch. What lies between them may not have been seen."""

    reason: Reason
    message: str
    start: float
    end: float


def history_lost(names: Sequence[str], *, start: float, end: float) -> FileGap:
    """Files whose rest was to be read are gone, and what came after them may be as well."""
    message = (
        f"{', '.join(names)}: read up to some point, and gone since; the log was rotated away while nobody read it, "
        f"backups after it perhaps too. {_KEEP_MORE}"
    )
    return FileGap(reason="HistoryLost", message=message, start=min(start, end), end=end)


def backup_lost(name: Name, *, start: float) -> FileGap:
    """A backup was removed while it waited to be read."""
    message = f"{name.text} was removed before it was read. {_KEEP_MORE}, or give the reader more CPU"
    return _of_backup("BackupLost", name, message, start)


def backup_unreadable(name: Name, problem: str, *, start: float) -> FileGap:
    """A compressed backup cannot be read, wholly or from some byte on."""
    message = f"{name.text} {problem}: events in it are lost. Check the node's disk and look for the original"
    return _of_backup("BackupUnreadable", name, message, start)


def log_truncated(name: Name, *, read: int, size: int, start: float, end: float) -> FileGap:
    """A file holds no longer what was read from it."""
    message = (
        f"{name.text} was cut or overwritten by something other than kube-apiserver after {read} bytes of it had been "
        f"read (it has {size} now); what was written in between may be lost. Find out who does this"
    )
    return FileGap(reason="LogTruncated", message=message, start=min(start, end), end=end)


def log_removed(name: Name, *, start: float, end: float) -> FileGap:
    """The live file lost its name and no backup has it: removed, or rotated and pruned before anybody looked.

    Which of the two it was shows nowhere. Its writer may go on into it, seen only by who holds it open.
    """
    message = (
        f"{name.text} was removed or replaced while it was read, or rotated and its backup deleted at once; it is read "
        f"on for as long as this process runs. Did kube-apiserver rotate it? {_KEEP_MORE}. If not, find out who "
        "removed it, and restart kube-apiserver so that it opens a new one"
    )
    return FileGap(reason="LogRemoved", message=message, start=min(start, end), end=end)


def lines_unreadable(file: str, places: Sequence[tuple[int, str]], *, at: float) -> FileGap:
    """Lines that are no audit events: offset and problem of each. ``at``: when they were written, about."""
    offset, problem = places[0]
    message = (
        f"{len(places)} entries of {file} cannot be read as audit events, the first at byte {offset}: {problem}. "
        "A full disk or a crash of the node leaves such lines; more than a few of them are somebody's doing"
    )
    return FileGap(reason="LinesUnreadable", message=message, start=at, end=at)


def written_at(line: bytes) -> float | None:
    """The event's own time, without decoding it: the last field of that name is no client's.

    Only annotations follow it, and their quotes are escaped.
    """
    begin = line.rfind(_TIME) + len(_TIME)
    if begin < len(_TIME):
        return None
    return parse_time(line[begin : begin + 40].partition(b'"')[0].decode(errors="replace"))


def _of_backup(reason: Reason, name: Name, message: str, start: float) -> FileGap:
    """Bounds that are the same whenever it is told, so that it is told once."""
    end = start if name.time is None else name.time
    return FileGap(reason=reason, message=message, start=min(start, end), end=end)
