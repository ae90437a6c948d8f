"""Make the virtual environment of this checkout from the lock file, with uv where there is one, else venv and pip.

Runs on the bare interpreter of a fresh machine, so it uses the standard library only.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

LOCK = Path("requirements/dev.txt")
OLDEST, NEWEST = (3, 11), (3, 13)


def commands(venv: Path, uv: str | None) -> list[list[str]]:
    """What to run, in order: the environment, the locked packages, then this project without its dependencies."""
    python = str(venv / "bin" / "python")
    if uv:
        make = [uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, str(venv)]
        install = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", python]
    else:
        make = [sys.executable, "-m", "venv", str(venv)]
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    return [
        make,
        [*install, "--require-hashes", "-r", str(LOCK)],
        [*install, "--no-deps", "--no-build-isolation", "--editable", "."],
    ]


def main(venv: Path) -> int:
    """Build the environment at ``venv``; a readable error and exit code 1 where it cannot be built."""
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        print(f"error: Python 3.11 to 3.13 is needed, this is {sys.version.split()[0]}; try make PYTHON=python3.11 …")
        return 1
    started = time.monotonic()
    print(f"environment: installing {LOCK} into {venv} (about a minute the first time) …", flush=True)
    for command in commands(venv, shutil.which("uv")):
        if subprocess.run(command, check=False).returncode:
            print(f"error: this failed, see above: {' '.join(command)}")
            return 1
    (venv / ".ready").touch()
    print(f"environment: ready after {time.monotonic() - started:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
