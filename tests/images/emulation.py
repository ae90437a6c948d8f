"""Programs of another architecture, run by QEMU for as long as an image is built or tried.

The kernel is told by which bytes it knows them (binfmt_misc) and opens the emulator at once (flag F), so that it is
found in every chroot; afterwards the kernel forgets it again. Where the machine has an emulator already, that one is
used and stays.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.errors import ClusterError
from tests.images import buildah
from tests.images.packages import require

OURS = "k10-auditwatch-"
"""Then the architecture, and the pid of who needs it."""
FORGET = "-1"


@dataclass(frozen=True, slots=True)
class Emulator:
    """``magic`` and ``mask``: a program's first 20 bytes (ELF-64 header up to e_machine), as the kernel reads them."""

    program: str
    package: str
    magic: str
    mask: str

    def registration(self, name: str, path: str) -> str:
        """One line for binfmt_misc (kernel, admin-guide/binfmt-misc)."""
        return f":{name}:M::{self.magic}:{self.mask}:{path}:F"


_LITTLE_ENDIAN = r"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00"
_PROGRAM = r"\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff"
"""Any OSABI, and both kinds of programs: ET_EXEC and ET_DYN."""
EMULATORS = {
    "arm64": Emulator("qemu-aarch64-static", "qemu-user-static", _LITTLE_ENDIAN + r"\xb7\x00", _PROGRAM),
    "amd64": Emulator("qemu-x86_64-static", "qemu-user-static", _LITTLE_ENDIAN + r"\x3e\x00", _PROGRAM),
}


@contextmanager
def emulated(architecture: str) -> Iterator[None]:
    """Its programs run inside of this. Nothing happens for the machine's own architecture.

    Raises :class:`tests.images.packages.MissingPackagesError` without QEMU, and :class:`ClusterError` where the
    kernel does not take it.
    """
    if architecture == buildah.architecture():
        yield
        return
    if architecture not in EMULATORS:
        raise ClusterError(f"{architecture}: no image is made for it; choose one of {', '.join(sorted(EMULATORS))}")
    emulator = EMULATORS[architecture]
    require({emulator.program: emulator.package})
    with _formats() as formats:
        name = f"{OURS}{architecture}-{os.getpid()}"
        if (formats / name).exists() or _has_one(formats, emulator):
            yield
            return
        _tell(formats / "register", emulator.registration(name, shutil.which(emulator.program) or ""))
        try:
            yield
        finally:
            _tell(formats / name, FORGET)


@contextmanager
def _formats() -> Iterator[Path]:
    """Where the kernel lists the formats it knows, mounted for us alone to see."""
    with tempfile.TemporaryDirectory(prefix="k10-auditwatch-formats-") as directory:
        mount = ["mount", "-t", "binfmt_misc", "binfmt_misc", directory]
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ClusterError(f"programs of another architecture cannot be run here: {done.stderr.strip()}")
        try:
            yield Path(directory)
        finally:
            subprocess.run(["umount", directory], check=True)


def _has_one(formats: Path, emulator: Emulator) -> bool:
    """Whether the machine has an emulator that works in a chroot. One left by a build that was killed is removed."""
    names = {file.name for file in formats.iterdir()} - {"register", "status"}
    ours = {name for name in names if name.startswith(OURS)}
    for name in ours:
        if not Path("/proc", name.rpartition("-")[2]).exists():
            _tell(formats / name, FORGET)
    return any(_serves(formats / name, emulator) for name in names - ours)


def _serves(file: Path, emulator: Emulator) -> bool:
    lines = file.read_text().splitlines()
    flags = next((line.removeprefix("flags:") for line in lines if line.startswith("flags:")), "")
    magic = emulator.magic.replace("ELF", r"\x45\x4c\x46").replace(r"\x", "")
    return lines[0] == "enabled" and "F" in flags and f"magic {magic}" in lines


def _tell(file: Path, text: str) -> None:
    """In one write, as the kernel wants it."""
    descriptor = os.open(file, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode())
    except OSError as problem:
        raise ClusterError(f"the kernel refuses an emulator: {problem.strerror}; {text}") from problem
    finally:
        os.close(descriptor)
