"""Files of another project's Go module, as its proxy of modules serves them: of the version that ours locks."""

import json
import subprocess
from pathlib import Path

from tests.cluster.errors import ClusterError
from tests.cluster.programs import MODULE, Program
from tests.cluster.toolchain import find_go


def folder(program: Program, dependency: str) -> Path:
    """Where Go keeps `dependency` of the program's module, fetched if it is not there; ClusterError where it fails."""
    go = find_go()
    done = subprocess.run(
        [str(go.path), "mod", "download", "-json", dependency],
        cwd=MODULE / program.module,
        env=go.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise ClusterError(f"go mod download {dependency} in {MODULE / program.module}:\n{done.stdout}{done.stderr}")
    return Path(json.loads(done.stdout)["Dir"])
