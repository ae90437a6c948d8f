"""``python -m tests.machine COMMAND …``: run it where cgroups are of version 2 alone; its exit code is ours."""

import argparse
import sys

from tests.cluster.commands import exit_code
from tests.machine.machine import run


def main() -> int:
    """The command's exit code. ClusterError where there can be no such machine."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.machine",
        description="Run a command on a machine with Debian's kernel and cgroups of version 2 alone, over these files.",
    )
    parser.add_argument("--memory", default="10G", help="its memory, of which files it writes take some (%(default)s)")
    parser.add_argument(
        "--accel", default="tcg,thread=multi", help="QEMU's accelerator; kvm is fast where it works (%(default)s)"
    )
    parser.add_argument("command", nargs=argparse.REMAINDER, help="what is run, and its arguments")
    given = parser.parse_args()
    if not given.command:
        parser.error("COMMAND is missing: for example python -m tests.machine uname -a")
    return run(given.command, memory=given.memory, accelerator=given.accel)


if __name__ == "__main__":
    sys.exit(exit_code(main))
