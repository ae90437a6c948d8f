"""Fail when a tracked file names a package host: locks carry hashes, where packages come from is the user's setting."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

HOSTS = re.compile(
    rb"(files\.pythonhosted|pypi|proxy\.golang|sum\.golang|registry\.npmjs|static\.crates|deb\.debian|repo1?\.maven)\.(org|io|com|apache)"
)


def offenders(paths: list[Path]) -> list[str]:
    """``path:line`` of every line that names one."""
    return [
        f"{path}:{number}"
        for path in paths
        for number, line in enumerate(path.read_bytes().splitlines(), start=1)
        if HOSTS.search(line)
    ]


def main() -> int:
    """Exit code 1 and the places, where there are any."""
    listed = subprocess.run(["git", "ls-files", "-z"], check=True, capture_output=True, text=True).stdout  # noqa: S607 - git of the developer
    found = offenders([Path(name) for name in listed.split("\0") if name and Path(name).is_file()])
    for place in found:
        print(f"{place}: names a package host; remove the address")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
