"""``make kind``: the demo beside a Docker daemon of its own, with kind and a node image; or any other command."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from typing import Final

from tests.cluster.errors import ClusterError
from tests.demo import kind_cluster, screen
from tests.images.project import project_image
from tests.kind import requirements
from tests.kind.daemon import Daemon

DEMO: Final = (sys.executable, "-m", "tests.demo")


def main(arguments: Sequence[str]) -> int:
    """The command's exit code; 1, with the reason, where there is no daemon for it."""
    try:
        requirements.check()
        with screen.timed("image of k10-auditwatch, unless it was built before"):
            project_image()
        with Daemon() as daemon:
            with screen.timed("a Docker daemon, and a node image in it"):
                image = daemon.take_node_image()
            environment = {**daemon.environment, "DEMO": "kind", kind_cluster.IMAGE: image}
            return subprocess.run(daemon.command(arguments or DEMO), env=environment, check=False).returncode
    except ClusterError as problem:
        sys.stderr.write(f"error: {problem}\n")
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
