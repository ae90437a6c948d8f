"""``python -m tests.machine COMMAND …``: run it where cgroups are of version 2 alone; its exit code is ours."""

import argparse
import sys

from tests.cluster.errors import ClusterError
from tests.machine.machine import run


def main() -> int:
    """Exit code 1, with the reason, where there can be no such machine."""
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
    try:
        return run(given.command, memory=given.memory, accelerator=given.accel)
    except ClusterError as problem:
        sys.stderr.write(f"error: {problem}\n")
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
