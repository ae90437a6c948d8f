"""The namespaces of a node, and what is in them before the first component starts.

The node has its own mounts, network, processes, hostname and System V objects. Its network has no way out of the
machine: both ends of its only cable are inside. Three sysctls the kubelet insists on are shown to it, not changed.
"""

from collections.abc import Sequence
from pathlib import Path

ADDRESS = "10.10.0.1"
NAME = "k10node"
UNSHARE = ("unshare", "--mount", "--net", "--pid", "--uts", "--ipc", "--fork", "--kill-child", "--mount-proc")
READY = "namespaces-ready"
SYSCTLS = {"vm/overcommit_memory": 1, "kernel/panic": 10, "kernel/panic_on_oops": 1}
OWN = ("lib", "log")
"""Parts of /var that are the node's own."""

_SCRIPT = """\
set -eu
mount --make-rshared /
hostname {name}
{mounts}
mount -t tmpfs tmpfs /run
mkdir -p /run/lock /run/shown
{sysctls}
printf '127.0.0.1 localhost\\n{address} {name}\\n' > /run/shown/hosts
: > /run/shown/resolv.conf
mount --bind /run/shown/hosts /etc/hosts
mount --bind /run/shown/resolv.conf /etc/resolv.conf
ip link set lo up
ip link add node0 type veth peer name uplink0
ip addr add {address}/24 dev node0
ip link set node0 up
ip link set uplink0 up
ip route add default via 10.10.0.254 dev node0
echo 1 > /proc/sys/net/ipv4/ip_forward
touch {ready}
while :; do sleep 3600 & wait $!; done
"""


def start_command(directory: Path) -> list[str]:
    """Start the first process of the node, which keeps its namespaces and ends all others with itself."""
    return [*UNSHARE, "bash", "-c", script(directory)]


def script(directory: Path) -> str:
    """What the first process does; ``directory`` holds the node's /var, and the audit log in ``audit``."""
    mounts = [f"mount --bind {directory}/var/{part} /var/{part}" for part in OWN]
    mounts += ["mkdir -p /var/log/kubernetes/audit", f"mount --bind {directory}/audit /var/log/kubernetes/audit"]
    return _SCRIPT.format(
        name=NAME,
        address=ADDRESS,
        mounts="\n".join(mounts),
        sysctls="\n".join(_shown(path, value) for path, value in SYSCTLS.items()),
        ready=directory / READY,
    )


def _shown(path: str, value: int) -> str:
    copy = f"/run/shown/{path.replace('/', '.')}"
    return f"echo {value} > {copy}; mount --bind {copy} /proc/sys/{path}"


def beside(pid: int, argv: Sequence[str]) -> list[str]:
    """Run ``argv`` in the node's network only: it sees the machine's files. It is the process that was started."""
    return ["nsenter", f"--net=/proc/{pid}/ns/net", *argv]


def inside(pid: int, argv: Sequence[str]) -> list[str]:
    """Run ``argv`` in all of the node's namespaces, as a child of the process that was started.

    With its root too: where all this runs in a chroot, the mount namespace's own root is the machine's.
    """
    spaces = ("--mount", "--net", "--pid", "--uts", "--ipc")
    return ["nsenter", f"--target={pid}", *spaces, "--root", f"--wd=/proc/{pid}/root", "--", *argv]
