"""Why a log cannot be read, in words that say what to do about it."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

State = Literal["Starting", "Reading", "Absent", "Denied", "Refused", "Failing", "Stopped"]
"""``Reading`` is the good one. Absent: the file is not there (yet). Refused: it is no regular file."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong, for a person."""

    state: State
    message: str


def explain(error: OSError, path: Path) -> Trouble:
    """What an attempt to list or open ``path`` came to."""
    match error.errno:
        case errno.ENOENT:
            fix = "is waited for; if it stays away, compare the path with kube-apiserver's --audit-log-path"
            return Trouble("Absent", f"{path} does not exist and {fix}")
        case errno.EACCES | errno.EPERM:
            fix = (
                "kube-apiserver keeps its log 0600 for root: run auditwatch agent as user 0 on that node with the "
                "directory mounted read-only (under SELinux as spc_t), or let this process's user read it"
            )
            return Trouble("Denied", f"permission denied on {path}; {fix}")
        case errno.ELOOP | errno.ENXIO | errno.EINVAL:
            return refuse(path)
        case errno.ENOTDIR:
            return Trouble("Refused", f"{path} is no directory; name the log as in kube-apiserver's --audit-log-path")
        case _:
            return Trouble("Failing", f"{path} cannot be read ({error.strerror}); it is tried again")


def refuse(path: Path) -> Trouble:
    """What is there is a link, a pipe, a device or a directory."""
    fix = "links are not followed, whoever made them; name the log itself and remove what stands in its place"
    return Trouble("Refused", f"{path} is no regular file; {fix}")


def absent(path: Path) -> Trouble:
    """The directory is there and the live file is not."""
    return explain(FileNotFoundError(errno.ENOENT, ""), path)
