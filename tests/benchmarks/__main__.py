"""``make bench``: what things cost. Prints figures; asserts nothing, for machines differ.

``python -m tests.benchmarks [scan|webhook|latency|state …] [--size BYTES]``; without a name all of them.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from tests.benchmarks import latency, scanning, state, webhook
from tests.cluster.errors import ClusterError

Bench = Callable[[Path, int], None]
"""Takes its figures in a directory of its own; ``--size`` is in bytes."""

BENCHES: Final[Mapping[str, Bench]] = {
    "scan": scanning.run,
    "webhook": webhook.run,
    "latency": latency.run,
    "state": lambda directory, _size: state.run(directory),
}
"""By the name it is asked for with."""


def main() -> int:
    """Exit code 0 where every figure could be taken."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="Take figures.")
    parser.add_argument("names", nargs="*", help=f"which: {', '.join(BENCHES)} [default: all]")
    parser.add_argument("--size", type=float, default=1e9, help="bytes of generated logs [default: 1e9]")
    given = parser.parse_args()
    if unknown := sorted(set(given.names) - set(BENCHES)):
        parser.error(f"there is no benchmark {', '.join(unknown)}: {', '.join(BENCHES)}")
    try:
        for name in given.names or BENCHES:
            print(f"== {name}", flush=True)
            with tempfile.TemporaryDirectory(prefix="k10-auditwatch-bench-") as directory:
                BENCHES[name](Path(directory), int(given.size))
    except ClusterError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
