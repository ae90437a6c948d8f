"""Debian's kernel and the few modules it needs to find its files; fetched and unpacked once, never installed."""

import gzip
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.errors import ClusterError
from tests.cluster.programs import cache_directory
from tests.images import debs

NAME = "linux-image-amd64"
"""Debian's package that depends on the newest kernel of its release."""
MODULES = ("virtio_pci", "9pnet_virtio", "9p", "overlay")
INIT = """\
#!/bin/busybox sh
export PATH=/bin
mount -t proc proc /proc
mount -t devtmpfs dev /dev
for module in /modules/*; do insmod "$module"; done
mount -t 9p -o ro,trans=virtio,version=9p2000.L,msize=1048576,cache=loose files /files
mount -t tmpfs -o size=75% tmpfs /own
mkdir /own/upper /own/work
cp /start /own/upper/start
mount -t overlay -o lowerdir=/files,upperdir=/own/upper,workdir=/own/work overlay /root
mount --move /dev /root/dev
exec switch_root /root /bin/bash /start
"""
"""Its first process: it goes on as ``start`` over the other machine's files."""
FOLDERS = ("bin", "dev", "files", "modules", "own", "proc", "root")
APPLETS = ("sh", "mount", "insmod", "mkdir", "cp", "switch_root")


@dataclass(frozen=True, slots=True)
class Kernel:
    """``image``: what is booted. ``modules``: the folder of all its modules."""

    image: Path
    modules: Path

    @property
    def release(self) -> str:
        """As ``uname -r`` says it."""
        return self.modules.name


def ensure() -> Kernel:
    """The newest one that apt knows, from the cache or fetched. ClusterError where apt knows none."""
    package = newest(_run(["apt-cache", "depends", NAME]))
    unpacked = cache_directory() / "kernels" / package
    if not unpacked.exists():
        _fetch(package, unpacked)
    (image,) = (unpacked / "boot").glob("vmlinuz-*")
    return Kernel(image=image, modules=unpacked / "lib" / "modules" / image.name.removeprefix("vmlinuz-"))


def newest(depends: str) -> str:
    """The package behind :data:`NAME`, as ``apt-cache depends`` tells it."""
    for line in depends.splitlines():
        word, _, package = line.strip().partition(": ")
        if word == "Depends" and package.startswith("linux-image-"):
            return package
    raise ClusterError(f"apt knows no {NAME}: run apt-get update, on a Debian for amd64")


def _fetch(package: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="scratch-") as scratch:
        unpacked = Path(scratch) / "unpacked"
        debs.extract(package, unpacked)
        (modules,) = (unpacked / "lib" / "modules").iterdir()
        _run(["depmod", "--basedir", str(unpacked), modules.name])
        unpacked.rename(target)
    for older in set(target.parent.glob("linux-image-*")) - {target}:
        shutil.rmtree(older, ignore_errors=True)


def initramfs(kernel: Kernel, *, busybox: Path, start: str) -> bytes:
    """Its first files: busybox, modules in the order in which they are loaded, :data:`INIT`, ``start`` (newc, gzip)."""
    modules = _in_order(kernel)
    with tempfile.TemporaryDirectory(prefix="k10-auditwatch-initramfs-") as directory:
        root = Path(directory)
        for folder in FOLDERS:
            (root / folder).mkdir()
        shutil.copy(busybox, root / "bin" / "busybox")
        for applet in APPLETS:
            (root / "bin" / applet).symlink_to("busybox")
        for number, module in enumerate(modules):
            shutil.copy(module, root / "modules" / f"{number:03}-{module.name}")
        (root / "start").write_text(start)
        (root / "init").write_text(INIT)
        (root / "init").chmod(0o755)
        return gzip.compress(_packed(root), compresslevel=1)


def _in_order(kernel: Kernel) -> Sequence[Path]:
    base = kernel.modules.parents[2]
    show = ["modprobe", f"--dirname={base}", f"--set-version={kernel.release}", "--show-depends"]
    listed = "".join(_run([*show, module]) for module in MODULES)
    paths = (Path(line.split()[1]) for line in listed.splitlines() if line.startswith("insmod "))
    return tuple(dict.fromkeys(paths))


def _packed(root: Path) -> bytes:
    names = "\n".join(str(path.relative_to(root)) for path in sorted(root.rglob("*")))
    pack = ["cpio", "--create", "--format=newc", "--quiet"]
    return subprocess.run(pack, input=names.encode(), cwd=root, capture_output=True, check=True).stdout


def _run(argv: Sequence[str]) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ClusterError(f"{' '.join(argv)}: exit code {done.returncode}\n{done.stderr}")
    return done.stdout
