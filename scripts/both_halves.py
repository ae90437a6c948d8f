"""Run all tests as two processes side by side: what needs a cluster waits much, what needs none computes much.

``python scripts/both_halves.py [pytest's options]``. The half with clusters is shown as it goes; the other's output
follows when both have ended, whole. The exit code is 0 only if both are well; standard library only.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ALONE = ("tests/unit",)
CLUSTERS = ("tests/e2e", "tests/live", "tests/torture", "tests/integration")
NOTHING_COLLECTED = 5
INTERRUPTED = 130


def verdict(codes: Sequence[int]) -> int:
    """Exit codes of pytest as one: a half in which nothing was selected is well if the other ran something."""
    bad = [code for code in codes if code not in {0, NOTHING_COLLECTED}]
    return bad[0] if bad else min(codes)


def command(folders: Sequence[str], options: Sequence[str]) -> list[str]:
    """One half's command line."""
    return [sys.executable, "-m", "pytest", *folders, *options]


def main(options: Sequence[str]) -> int:
    """Run both; where one is interrupted, so is the other."""
    with tempfile.TemporaryDirectory() as directory:
        written = Path(directory) / "alone"
        with written.open("wb") as output:
            alone = subprocess.Popen(command(ALONE, options), stdout=output, stderr=subprocess.STDOUT)
            try:
                clusters = subprocess.run(command(CLUSTERS, options), check=False).returncode
                code = alone.wait()
            except KeyboardInterrupt:
                alone.terminate()
                alone.wait()
                return INTERRUPTED
        sys.stdout.flush()
        sys.stdout.buffer.write(written.read_bytes())
        sys.stdout.flush()
    return verdict((clusters, code))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
