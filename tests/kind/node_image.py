"""A node image for kind as one tar, and how Docker is told to take it."""

from __future__ import annotations

import shutil
import tarfile
import tempfile
from pathlib import Path
from typing import Final

from tests.cluster import build
from tests.cluster.node import components
from tests.cluster.node.images import add_file, add_special
from tests.kind import base, files, kubernetes

NAME: Final = "localhost/k10-auditwatch-kind-node:test"
PROGRAMS: Final = ("kubelet", "kubeadm", "kubectl")
SETTINGS: Final = ("ENV container=docker", f'ENTRYPOINT ["/{files.FIRST}", "/sbin/init"]')
"""What Docker is told of it: systemd wants to know that it is in a container, and kind names no command."""


def import_command(archive: Path) -> list[str]:
    """Makes Docker know it as :data:`NAME`."""
    changes = [word for setting in SETTINGS for word in ("--change", setting)]
    return ["docker", "import", *changes, str(archive), NAME]


def write(archive: Path) -> Path:
    """Write it: the base, and what is put on it. ClusterError where a part cannot be made."""
    shutil.copyfile(base.ensure(), archive)
    with tarfile.open(archive, "a") as image, tempfile.TemporaryDirectory(dir=archive.parent) as scratch:
        _add_texts(image)
        _add_kubernetes(image, build.kubernetes_binary(), Path(scratch))
        for disk in components.disks(Path("var")):
            add_special(image, str(disk), kind=tarfile.DIRTYPE, mode=0o777)
    return archive


def _add_texts(image: tarfile.TarFile) -> None:
    for place, content in files.files().items():
        add_file(image, place, content.encode(), mode=0o755 if "/bin/" in place else 0o644)
    for place, target in files.LINKS.items():
        add_special(image, place, kind=tarfile.SYMTYPE, mode=0o777, target=target)


def _add_kubernetes(image: tarfile.TarFile, binary: Path, scratch: Path) -> None:
    add_file(image, kubernetes.BINARY, binary.read_bytes(), mode=0o755)
    for name in PROGRAMS:
        add_special(image, f"usr/bin/{name}", kind=tarfile.SYMTYPE, mode=0o777, target=f"/{kubernetes.BINARY}")
    for number, each in enumerate(kubernetes.images(binary)):
        packed = scratch / f"{number}.tar"
        each.write(packed)
        add_file(image, f"{files.IMAGES}/{packed.name}", packed.read_bytes())
