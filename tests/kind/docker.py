"""Docker as Debian has it, unpacked in the project's cache: installed, it would start a daemon of the whole machine."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

from tests.cluster.programs import cache_directory
from tests.images import debs

PACKAGES: Final = ("docker.io", "libdevmapper1.02.1")
"""Its daemon and its client, and the one library of them that not every Debian has."""
PROGRAMS: Final = ("usr/bin", "usr/sbin")
LIBRARIES: Final = "*lib/*-linux-gnu"


def ensure() -> Path:
    """The folder that its packages are unpacked in; fetched unless they are there."""
    folder = cache_directory() / "docker"
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix="scratch-") as scratch:
            for package in PACKAGES:
                debs.extract(package, Path(scratch) / "unpacked")
            (Path(scratch) / "unpacked").rename(folder)
    return folder


def programs(folder: Path) -> list[str]:
    """What is put on the PATH."""
    return [str(folder / each) for each in PROGRAMS]


def libraries(folder: Path) -> list[str]:
    """Where its libraries are looked for."""
    return sorted(str(path) for pattern in (LIBRARIES, f"usr/{LIBRARIES}") for path in folder.glob(pattern))
