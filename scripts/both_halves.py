"""Run all tests as two processes side by side: the whole operator waits much, its parts compute much.

``python scripts/both_halves.py [pytest's options]``. The half with the whole operator is shown as it goes; the other's
output follows when both have ended, whole. The exit code is 0 only if both are well; standard library only.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

PARTS = ("tests/unit", "tests/integration")
WHOLE = ("tests/e2e", "tests/live", "tests/torture")
NOTHING_COLLECTED = 5
INTERRUPTED = 130


def verdict(codes: Sequence[int]) -> int:
    """Exit codes of pytest as one: a half in which nothing was selected is well if the other ran something."""
    bad = [code for code in codes if code not in {0, NOTHING_COLLECTED}]
    return bad[0] if bad else min(codes)


def command(folders: Sequence[str], options: Sequence[str]) -> list[str]:
    """One half's command line; what it writes to a file is there at once, for whoever wonders what it is at."""
    return [sys.executable, "-u", "-m", "pytest", *folders, *options]


def main(options: Sequence[str]) -> int:
    """Run both; where one is interrupted, so is the other."""
    with tempfile.TemporaryDirectory() as directory:
        written = Path(directory) / "parts"
        with written.open("wb") as output:
            parts = subprocess.Popen(command(PARTS, options), stdout=output, stderr=subprocess.STDOUT)
            try:
                whole = subprocess.run(command(WHOLE, options), check=False).returncode
                code = parts.wait()
            except KeyboardInterrupt:
                parts.terminate()
                parts.wait()
                return INTERRUPTED
        sys.stdout.flush()
        sys.stdout.buffer.write(written.read_bytes())
        sys.stdout.flush()
    return verdict((whole, code))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
