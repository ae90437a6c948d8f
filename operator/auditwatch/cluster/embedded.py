"""Certificates and keys that stand inside a kubeconfig, kept where nobody finds them when this process is gone.

TLS is set up from files, so the official client writes what is embedded into the temporary directory, and removes it at
its regular end: a process that is killed leaves a private key behind. Here it is a file in memory, which ends with the
process. For what a plugin hands out, and where a system has no such files (all but Linux), there is a directory for
this user alone, removed at the end, and after a kill by the next process that needs one.
"""

from __future__ import annotations

import atexit
import base64
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, Final

IN_MEMORY: Final = hasattr(os, "memfd_create")
PREFIX: Final = "auditwatch-credentials-"
_LOCK: Final = "lock"
_EMBEDDED: Final = ("certificate-authority", "client-certificate", "client-key")
_PLUGINS: Final = ("exec", "auth-provider")


def sections(config: Any, current: Any) -> list[dict[str, Any]]:
    """The user and the cluster of the current context, to be changed in place. ``config``: the client's merged one."""
    chosen = current["context"]
    user = config["users"].get_with_name(chosen.get("user"), safe=True)
    cluster = config["clusters"].get_with_name(chosen["cluster"])
    return [cluster["cluster"].value, *([user["user"].value] if user and user["user"] else [])]


def keep_in_memory(section: dict[str, Any]) -> None:
    """Have a section name files in memory instead of content. Raises :class:`ValueError` where that is no base64."""
    for name in _EMBEDDED:
        if section.get(f"{name}-data"):
            section[name] = in_memory(base64.standard_b64decode(section.pop(f"{name}-data")))


@cache
def in_memory(content: bytes) -> str:
    """The path of a file in this process's memory, the same for the same content; it lives as long as the process."""
    descriptor = os.memfd_create("credentials")
    with os.fdopen(os.dup(descriptor), "wb") as file:
        file.write(content)
    return f"/proc/self/fd/{descriptor}"


def directory_for(used: Iterable[dict[str, Any]]) -> str | None:
    """Where the client may write what it cannot be kept from writing; ``None`` where there is nothing of that kind."""
    plugged = any(name in section for section in used for name in _PLUGINS)
    return private_directory() if plugged or not IN_MEMORY else None


@cache
def private_directory() -> str:
    """The one of this process; those of processes that are gone are removed first."""
    clear(Path(tempfile.gettempdir()))
    made = Path(tempfile.mkdtemp(prefix=PREFIX))
    lock = os.open(made / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)  # as long as this process lives
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return str(made)


def clear(root: Path) -> None:
    """Remove the directories of processes that are gone: nobody holds their lock."""
    for left in root.glob(f"{PREFIX}*"):
        try:
            lock = os.open(left / _LOCK, os.O_RDWR | os.O_NOFOLLOW)
        except OSError:
            continue  # another user's, or made just now
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left, ignore_errors=True)
        except BlockingIOError:
            pass  # its process lives
        finally:
            os.close(lock)
