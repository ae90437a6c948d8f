"""The cgroups the node's pods live in: made before the kubelet starts, removed when everything in them has ended.

A machine has version 1 hierarchies, one folder per controller, or version 2, one for all (kernel, admin-guide/cgroup-v1
and -v2). In the second, controllers are handed on from folder to folder, and only the true root may do that while
processes are in it: in a container that does not see it, pods would have none.

Run as a program by the warden of a node, with a name and the controllers that were handed on for it: the cgroup goes
even where the test was killed. Only the standard library is used.
"""

import os
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
PROCESSES = Path("/proc")
UNIFIED = "unified"
"""Where a machine with version 1 hierarchies has an empty one of version 2; runc makes its own folders there."""
WANTED = ("cpu", "cpuset", "memory", "pids", "hugetlb")
"""By a kubelet, as far as the machine offers them (Kubernetes 1.37, pkg/kubelet/cm/cgroup_v2_manager_linux.go)."""
CONTROLLERS = (*WANTED, "io")
OFFERED, SUBTREE = "cgroup.controllers", "cgroup.subtree_control"
PREFIX = "k10node-"
EMPTY_SECONDS = 20.0
POLL_SECONDS = 0.1


def name_for(warden: int) -> str:
    """The cgroup of the node whose warden has this pid."""
    return f"{PREFIX}{warden}"


def is_unified(root: Path = ROOT) -> bool:
    """Whether the machine has version 2 only."""
    return (root / OFFERED).exists()


def is_writable(root: Path = ROOT) -> bool:
    """Whether cgroups can be made: in most containers they are mounted to be read only."""
    hierarchies = [root] if is_unified(root) else _hierarchies(root)
    return bool(hierarchies) and all(os.access(folder, os.W_OK) for folder in hierarchies)


def make(name: str, *, root: Path = ROOT) -> None:
    """Make the cgroup ``name`` below the root of every hierarchy."""
    if is_unified(root):
        _make_unified(name, root)
        return
    for hierarchy in _hierarchies(root):
        (hierarchy / name).mkdir(exist_ok=True)
        for file in ("cpuset.cpus", "cpuset.mems"):  # empty in a new cgroup of version 1: nothing could enter it
            if (hierarchy / file).exists():
                (hierarchy / name / file).write_text((hierarchy / file).read_text())


def handed_on(root: Path = ROOT) -> set[str]:
    """Of version 2: the controllers that all folders below the root have."""
    return _words(root / SUBTREE)


def withheld(root: Path = ROOT) -> set[str]:
    """Of version 2: controllers that the machine has, a kubelet wants, and pods would not be given. Tried out."""
    before, probe = handed_on(root), name_for(os.getpid())
    make(probe, root=root)
    given = _words(root / probe / OFFERED)
    remove(probe, root=root, seconds=0)
    take_back(set(CONTROLLERS) - before, root=root)
    return (set(WANTED) & _words(root / OFFERED)) - given


def take_back(controllers: Iterable[str], *, root: Path = ROOT) -> None:
    """No longer hand them on; what another node uses meanwhile stays so, for nobody knows afterwards how it was."""
    for controller in sorted(controllers):
        with suppress(OSError):
            (root / SUBTREE).write_text(f"-{controller}")


def remove(name: str, *, root: Path = ROOT, seconds: float = EMPTY_SECONDS) -> None:
    """Remove it with all it holds, as soon as its processes have ended; what is still in use is left."""
    deadline = time.monotonic() + seconds
    while left := list(_existing(name, root)):
        for folder in left:
            _remove_tree(folder)
        if time.monotonic() > deadline:
            return
        time.sleep(POLL_SECONDS)


def abandoned(*, root: Path = ROOT, processes: Path = PROCESSES) -> set[str]:
    """Cgroups of nodes whose warden was killed too: nothing runs in them, and nobody is there who will remove them."""
    names = {folder.name for pattern in (f"{PREFIX}*", f"*/{PREFIX}*") for folder in root.glob(pattern)}
    return {
        name
        for name in names
        if not _is_warden(name.removeprefix(PREFIX), processes)
        and not any(_processes(folder) for folder in _existing(name, root))
    }


def _hierarchies(root: Path) -> list[Path]:
    folders = (folder for folder in sorted(root.iterdir()) if folder.name != UNIFIED)
    return [folder for folder in folders if (folder / "cgroup.procs").exists()]


def _make_unified(name: str, root: Path) -> None:
    (root / name).mkdir(exist_ok=True)
    for folder in (root, root / name):
        for controller in CONTROLLERS:
            with suppress(OSError):  # one that is not offered here
                (folder / SUBTREE).write_text(f"+{controller}")


def _existing(name: str, root: Path) -> Iterable[Path]:
    return (folder for folder in (root / name, *root.glob(f"*/{name}")) if folder.is_dir())


def _words(file: Path) -> set[str]:
    with suppress(OSError):
        return set(file.read_text().split())
    return set()


def _is_warden(pid: str, processes: Path) -> bool:
    with suppress(OSError):
        return b"warden.py" in (processes / pid / "cmdline").read_bytes()
    return False


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


if __name__ == "__main__":
    remove(sys.argv[1])
    take_back(sys.argv[2:])
