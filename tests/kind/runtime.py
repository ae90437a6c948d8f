"""Runs runc for a Docker daemon that does not have all rights itself, as in a container or a small virtual machine.

A privileged container asks for every capability the kernel knows, and runc refuses it where the daemon lacks one.
Here it is given those that there are. Run as a program, with runc's arguments; only the standard library is used.
"""

import json
import os
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

RUNC = "runc"
STATUS = Path("/proc/self/status")
LAST = Path("/proc/sys/kernel/cap_last_cap")
FILES = {"--bundle": "config.json", "-b": "config.json", "--process": "", "-p": ""}
"""Options that name what is to be run: a folder with this file in it, or the file itself."""
NAMES = (
    *("CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP"),
    *("LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER"),
    *("SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE"),
    *("SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP"),
    *("MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF"),
    "CHECKPOINT_RESTORE",
)
"""In the order of their bits (capabilities(7), linux/capability.h)."""


def held(status: str) -> frozenset[str]:
    """What a process may do, out of its status in /proc."""
    line = next(line for line in status.splitlines() if line.startswith("CapPrm:"))
    bits = int(line.split()[1], 16)
    return frozenset(f"CAP_{name}" for bit, name in enumerate(NAMES) if bits >> bit & 1)


def lowered(process: dict[str, Any], capabilities: frozenset[str]) -> dict[str, Any]:
    """What runc is told of a process (OCI runtime specification), without rights that nobody has to give."""
    asked = process.get("capabilities") or {}
    return process | {
        "capabilities": {kind: [each for each in names if each in capabilities] for kind, names in asked.items()}
    }


def named(arguments: Sequence[str]) -> Path | None:
    """The file that says what is to be run; None for runc's other orders."""
    for option, value in pairwise(arguments):
        if option in FILES:
            return Path(value, FILES[option])
    return None


def rewrite(file: Path, capabilities: frozenset[str]) -> None:
    """Lower what the file asks for: a container's configuration, or one more process of it."""
    content = json.loads(file.read_text())
    if "process" in content:
        content["process"] = lowered(content["process"], capabilities)
    else:
        content = lowered(content, capabilities)
    file.write_text(json.dumps(content))


def main(arguments: Sequence[str]) -> None:
    """Become runc."""
    file = named(arguments)
    if file is not None and file.exists():
        rewrite(file, held(STATUS.read_text()))
    os.execvp(RUNC, [RUNC, *arguments])  # noqa: S606 - runc itself, with the arguments it was meant to have


if __name__ == "__main__":
    main(sys.argv[1:])
