"""Buildah with its storage in the project's cache: the machine's own images and containers are not touched."""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tests.cluster.errors import ClusterError
from tests.cluster.programs import cache_directory
from tests.cluster.progress import Progress, Reporter
from tests.images.packages import MissingPackagesError, require

COMMANDS = {"buildah": "buildah", "debootstrap": "debootstrap"}
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
ERROR_LINES = 30
TICK_SECONDS = 1.0
LARGEST_STORAGE = 3 << 30
"""Bytes; layers of builds nobody repeats pile up, and all of it can be made again."""


def directory() -> Path:
    """Everything about images in the user's cache."""
    return cache_directory() / "images"


def architecture() -> str:
    """As images name it."""
    return ARCHITECTURES.get(platform.machine(), platform.machine())


def check() -> None:
    """MissingPackagesError, with the fix, where images cannot be built on this machine."""
    require(COMMANDS)
    if os.geteuid() != 0:
        raise MissingPackagesError("images are built by root only, debootstrap makes device nodes: run this as root")


def build(*, name: str, file: Path, context: Path, options: Sequence[str] = ()) -> None:
    """Build ``name`` from a Dockerfile; nothing is pulled, RUN steps share the host's network."""
    isolation = ["--isolation", "chroot", "--pull-never", "--layers"]
    run(f"image {name}", [*buildah("bud"), *isolation, "--file", str(file), "--tag", name, *options, str(context)])


def platform_options(target: str) -> list[str]:
    """For :func:`build`; none for the machine's own architecture."""
    return [] if target == architecture() else [f"--platform=linux/{target}"]


def save(*, name: str, archive: Path) -> None:
    """Write an image as a docker-archive, in one step."""
    unfinished = archive.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    run(f"archive of {name}", [*buildah("push"), name, f"docker-archive:{unfinished}:{name}"])
    unfinished.replace(archive)


def exists(name: str) -> bool:
    """Whether the storage has this image."""
    return (
        subprocess.run([*buildah("inspect"), "--type", "image", name], capture_output=True, check=False).returncode == 0
    )


def buildah(command: str) -> list[str]:
    """The start of a command line that uses our storage."""
    storage = directory() / "storage"
    return ["buildah", "--root", str(storage / "root"), "--runroot", str(storage / "run"), command]


def bound_storage() -> None:
    """Forget every layer when there are too many."""
    storage = directory() / "storage"
    listing = subprocess.run(["du", "-sb", str(storage)], capture_output=True, text=True, check=False).stdout
    if int(listing.split()[0] if listing else 0) > LARGEST_STORAGE:
        subprocess.run([*buildah("rmi"), "--all", "--force"], capture_output=True, check=False)
        shutil.rmtree(storage, ignore_errors=True)


def run(what: str, argv: Sequence[str]) -> None:
    """Run to the end, showing that it lives; ClusterError with the end of its output where it fails."""
    directory().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory(), prefix="scratch-") as scratch:
        messages = Path(scratch) / "messages"
        with (
            messages.open("w") as stream,
            subprocess.Popen(
                argv, stdout=stream, stderr=subprocess.STDOUT, env={**os.environ, "TMPDIR": scratch}
            ) as process,
        ):
            try:
                _watch(process, what)
            finally:
                process.terminate()
        if process.returncode != 0:
            end = "\n".join(messages.read_text(errors="replace").splitlines()[-ERROR_LINES:])
            raise ClusterError(f"{what}: exit code {process.returncode} of {' '.join(argv)}\n{end}")


def _watch(process: subprocess.Popen[bytes], what: str) -> None:
    reporter, started = Reporter(output=sys.stderr, terminal=sys.stderr.isatty()), time.monotonic()
    while process.poll() is None:
        with suppress(subprocess.TimeoutExpired):
            process.wait(TICK_SECONDS)
        reporter.tick(Progress(name=what, total=0), seconds=time.monotonic() - started)
    reporter.finish(what, seconds=time.monotonic() - started)
