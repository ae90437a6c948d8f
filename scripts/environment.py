"""Make the virtual environment of this checkout from the lock file, with uv where there is one, else venv and pip.

Runs on the bare interpreter of a fresh machine, so it uses the standard library only.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path

LOCK = Path("requirements/dev.txt")
OLDEST, NEWEST = (3, 11), (3, 13)


def is_of_another_python(venv: Path) -> bool:
    """Whether the environment that is there was made by another version of Python: the two must not be mixed."""
    try:
        lines = (venv / "pyvenv.cfg").read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    settings = {name.strip(): value.strip() for name, _, value in (line.partition("=") for line in lines)}
    return platform.python_version() not in (settings.get("version"), settings.get("version_info"))


def commands(venv: Path, uv: str | None) -> list[list[str]]:
    """What to run, in order: the environment, the locked packages, then this project without its dependencies."""
    python, anew = str(venv / "bin" / "python"), is_of_another_python(venv)
    if uv:
        keep = "--clear" if anew else "--allow-existing"
        make = [uv, "venv", "--quiet", keep, "--python", sys.executable, str(venv)]
        install = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", python]
    else:
        make = [sys.executable, "-m", "venv", *(["--clear"] if anew else []), str(venv)]
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
