"""``make kind``: the demo beside a Docker daemon of its own, with kind and a node image; or any other command."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from typing import Final

from tests.cluster.commands import exit_code
from tests.demo import kind_cluster, screen
from tests.images.project import project_image
from tests.kind import requirements
from tests.kind.daemon import Daemon

DEMO: Final = (sys.executable, "-m", "tests.demo")


def main(arguments: Sequence[str]) -> int:
    """The command's exit code. ClusterError where there is no daemon for it."""
    requirements.check()
    with screen.timed("image of k10-auditwatch, unless it was built before"):
        project_image()
    with Daemon() as daemon:
        with screen.timed("a Docker daemon, and a node image in it"):
            image = daemon.take_node_image()
        environment = {**daemon.environment, "DEMO": "kind", kind_cluster.IMAGE: image}
        return subprocess.run(daemon.command(arguments or DEMO), env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(exit_code(partial(main, sys.argv[1:])))
