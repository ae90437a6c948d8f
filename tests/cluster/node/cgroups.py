"""The cgroups the node's pods live in: made before the kubelet starts, removed when everything in them has ended.

A machine has version 1 hierarchies, one folder per controller, or version 2, one for all. The second way is written
from the kernel's documentation (admin-guide/cgroup-v2) and has not been run yet.
"""

import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
CONTROLLERS = ("cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids", "systemd")
ALL_CONTROLLERS = "+cpu +cpuset +memory +pids +io"
PREFIX = "k10node-"
EMPTY_SECONDS = 20.0
POLL_SECONDS = 0.1


def is_unified(root: Path = ROOT) -> bool:
    """Whether the machine has version 2 only."""
    return (root / "cgroup.controllers").exists()


def make(name: str, *, root: Path = ROOT) -> None:
    """Make the cgroup ``name`` below the root of every hierarchy."""
    if is_unified(root):
        _make_unified(name, root)
        return
    for controller in CONTROLLERS:
        if (root / controller).is_dir():
            (root / controller / name).mkdir(exist_ok=True)
    for file in ("cpuset.cpus", "cpuset.mems"):  # empty in a new cgroup of version 1, and then nothing can enter it
        if (root / "cpuset" / file).exists():
            (root / "cpuset" / name / file).write_text((root / "cpuset" / file).read_text())


def remove(name: str, *, root: Path = ROOT, seconds: float = EMPTY_SECONDS) -> None:
    """Remove it with all it holds, as soon as its processes have ended; what is still in use is left."""
    deadline = time.monotonic() + seconds
    while left := list(_existing(name, root)):
        for folder in left:
            _remove_tree(folder)
        if time.monotonic() > deadline:
            return
        time.sleep(POLL_SECONDS)


def abandoned(*, root: Path = ROOT) -> set[str]:
    """Cgroups of nodes whose test was killed: nothing runs in them."""
    names = {folder.name for pattern in (f"{PREFIX}*", f"*/{PREFIX}*") for folder in root.glob(pattern)}
    return {name for name in names if not any(_processes(folder) for folder in _existing(name, root))}


def _make_unified(name: str, root: Path) -> None:
    (root / name).mkdir(exist_ok=True)
    for folder in (root, root / name):
        with suppress(OSError):  # a controller that is not offered here
            (folder / "cgroup.subtree_control").write_text(ALL_CONTROLLERS)


def _existing(name: str, root: Path) -> Iterable[Path]:
    candidates = (root / name, root / "unified" / name, *(root / controller / name for controller in CONTROLLERS))
    return (folder for folder in candidates if folder.is_dir())


def _processes(folder: Path) -> list[str]:
    found: list[str] = []
    for file in folder.rglob("cgroup.procs"):
        with suppress(OSError):
            found += file.read_text().split()
    return found


def _remove_tree(folder: Path) -> None:
    for inner in sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True):
        with suppress(OSError):
            inner.rmdir()
    with suppress(OSError):
        folder.rmdir()
