"""One command on the other machine, from its boot to the command's exit code."""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.cluster.errors import ClusterError
from tests.images.packages import require
from tests.machine import kernel

COMMANDS = {
    "qemu-system-x86_64": "qemu-system-x86",
    "busybox": "busybox-static",
    "modprobe": "kmod",
    "cpio": "cpio",
    "ip": "iproute2",
}
"""Command: Debian package."""
CODE = "exit-code"
JOB = "job"
START = """\
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
echo 1 > /proc/sys/kernel/printk
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
ln -sfn /proc/self/fd /dev/fd
for place in /run /tmp /dev/shm; do mount -t tmpfs -o mode=1777,size=75% tmpfs $place; done
mkdir -p /run/handed /usr/lib/modules
mount -t 9p -o trans=virtio,version=9p2000.L handed /run/handed
mount -t tmpfs tmpfs /usr/lib/modules
ln -s {modules} /usr/lib/modules/{release}
ip link set lo up
bash /run/handed/{job} < /dev/null
echo $? > /run/handed/{code}
sync
echo o > /proc/sysrq-trigger
while :; do :; done
"""
"""What makes a machine of a kernel: everything is mounted, the command is run, and the power is cut."""


def run(argv: Sequence[str], *, memory: str, accelerator: str) -> int:
    """Run it in this folder and with these variables, seeing these files, and return its exit code.

    Raises :class:`ClusterError` where the machine ends without one, and
    :class:`tests.images.packages.MissingPackagesError` where it cannot be started.
    """
    require(COMMANDS)
    booted = kernel.ensure()
    with tempfile.TemporaryDirectory(prefix="k10-auditwatch-machine-") as directory:
        handed = Path(directory) / "handed"
        handed.mkdir()
        (handed / JOB).write_text(job(argv, folder=Path.cwd(), environment=os.environ))
        first = Path(directory) / "initramfs"
        start = START.format(modules=booted.modules, release=booted.release, job=JOB, code=CODE)
        busybox = Path(shutil.which("busybox") or "")
        first.write_bytes(kernel.initramfs(booted, busybox=busybox, start=start))
        machine = command(booted.image, first, handed, memory=memory, accelerator=accelerator)
        subprocess.run(machine, stdin=subprocess.DEVNULL, stdout=sys.stdout, check=False)
        return _code(handed / CODE)


def job(argv: Sequence[str], *, folder: Path, environment: Mapping[str, str]) -> str:
    """A script; what is no name of a variable in a shell is left out."""
    names = sorted(name for name in environment if name.isidentifier() and name.isascii())
    variables = [f"export {name}={shlex.quote(environment[name])}" for name in names]
    return "\n".join([*variables, f"cd {shlex.quote(str(folder))}", f"exec {shlex.join(argv)}", ""])


def command(image: Path, first: Path, handed: Path, *, memory: str, accelerator: str) -> list[str]:
    """QEMU's command line: two processors, no network, the files read-only, and a folder to answer in."""
    return [
        "qemu-system-x86_64",
        *("-accel", accelerator, "-cpu", "max", "-smp", "2", "-m", memory),
        *("-display", "none", "-monitor", "none", "-serial", "stdio", "-no-reboot", "-nic", "none"),
        *("-kernel", str(image), "-initrd", str(first), "-append", "console=ttyS0 panic=-1 quiet"),
        *("-fsdev", "local,id=files,path=/,security_model=none,readonly=on,multidevs=remap"),
        *("-device", "virtio-9p-pci,fsdev=files,mount_tag=files"),
        *("-fsdev", f"local,id=handed,path={handed},security_model=none"),
        *("-device", "virtio-9p-pci,fsdev=handed,mount_tag=handed"),
    ]


def _code(file: Path) -> int:
    try:
        return int(file.read_text())
    except (OSError, ValueError) as problem:
        raise ClusterError("the machine ended before the command did; what it printed is above") from problem
