"""Where the Docker daemon lives: namespaces of its own, and what is in them before it starts.

Its network has no way out of the machine. It takes no part in the machine's mounts: where kind wants to show a node the
kernel's modules and the machine has none, an empty folder is there, for the daemon alone.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.kind import runtime

SOCKET: Final = "docker.sock"
RUNTIME: Final = "as-far-as-allowed"

_SCRIPT: Final = """\
set -eu
mount -t tmpfs tmpfs /run
mkdir -p /run/lock
ip link set lo up
if [ ! -e /lib/modules ]; then
  mkdir -p /run/lib/modules /run/work
  mount -t overlay overlay -o lowerdir=/usr/lib,upperdir=/run/lib,workdir=/run/work /usr/lib
fi
export PATH={path}:"$PATH"
{daemon} &
wait $!
"""
_RUNTIME: Final = """\
#!/bin/sh
exec {python} -I -S {program} "$@"
"""


def write(directory: Path, *, programs: Sequence[str], cgroup: str) -> Path:
    """The script that the first process runs; what it needs is put beside it."""
    wrapper = directory / RUNTIME
    wrapper.write_text(_RUNTIME.format(python=shlex.quote(sys.executable), program=shlex.quote(runtime.__file__)))
    wrapper.chmod(0o755)
    script = directory / "room.sh"
    daemon = shlex.join(command(directory, cgroup=cgroup))
    script.write_text(_SCRIPT.format(path=shlex.quote(":".join(programs)), daemon=daemon))
    return script


def command(directory: Path, *, cgroup: str) -> list[str]:
    """dockerd's: all its files in ``directory``, but those that end with the room."""
    return [
        "dockerd",
        f"--host=unix://{directory / SOCKET}",
        f"--data-root={directory / 'data'}",
        "--exec-root=/run/docker",
        "--pidfile=/run/docker.pid",
        f"--cgroup-parent=/{cgroup}",
        "--exec-opt=native.cgroupdriver=cgroupfs",
        f"--add-runtime={RUNTIME}={directory / RUNTIME}",
        f"--default-runtime={RUNTIME}",
        "--oom-score-adjust=0",
    ]
