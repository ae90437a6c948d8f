"""The image of this checkout as a docker-archive, built once for the inputs it is made of."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cluster.programs import DIGEST_CHARACTERS
from tests.images import base, buildah, installer
from tests.images.emulation import emulated

ROOT = Path(__file__).parents[2]
REFERENCE = "localhost/k10-auditwatch:test"
"""The name a node knows it by after the import; nothing pulls from ``localhost``."""
INPUTS = (
    *("Dockerfile", ".dockerignore", "pyproject.toml", "README.md", "LICENSE"),
    *("requirements/build.txt", "requirements/runtime.txt", "operator"),
)
KEPT_ARCHIVES = 3
IN_USE_SECONDS = 3 * 3600.0
"""A run of tests takes its image once and reads it an hour later: what was asked for since then is kept besides."""


def project_image(architecture: str = "") -> Path:
    """The docker-archive of this checkout's image, tagged `REFERENCE`; for this machine, where no other is named.

    ClusterError, with the command that mends it, where images cannot be built on this machine.
    """
    target = architecture or buildah.architecture()
    archive = _archive(ROOT, target)
    if not archive.exists():
        buildah.check()
        with _lock(), emulated(target):
            archive = _build_unless_built(target)
    os.utime(archive)  # pruning keeps what was used last
    return archive


def built() -> bool:
    """Whether it is in the cache."""
    return _archive(ROOT, buildah.architecture()).exists()


def reference(architecture: str) -> str:
    """The image's name in the archive."""
    return REFERENCE if architecture == buildah.architecture() else f"{REFERENCE}-{architecture}"


def _archive(root: Path, target: str) -> Path:
    return buildah.directory() / f"project-{digest(root, target)}.tar"


def digest(root: Path, architecture: str) -> str:
    """Of every file that goes into the image, and of the base it stands on."""
    total = hashlib.sha256(base.digest(architecture).encode())
    for path in _files(root):
        content = path.read_bytes()
        total.update(f"{path.relative_to(root)}\0{len(content)}\0".encode() + content)
    return total.hexdigest()[:DIGEST_CHARACTERS]


def _files(root: Path) -> Iterable[Path]:
    """In one order everywhere; what .dockerignore keeps out is no input."""
    for name in INPUTS:
        found = [root / name] if (root / name).is_file() else sorted((root / name).rglob("*"))
        yield from (path for path in found if path.is_file() and "__pycache__" not in path.parts)


def snapshot(root: Path, into: Path) -> Path:
    """A copy of the inputs: what is built is what was hashed, whoever edits meanwhile."""
    for path in _files(root):
        copy = into / path.relative_to(root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, copy)
    return into


def _build_unless_built(target: str) -> Path:
    """Under the lock: another process may have built it meanwhile."""
    with tempfile.TemporaryDirectory(dir=buildah.directory(), prefix="scratch-") as scratch:
        context = snapshot(ROOT, Path(scratch) / "context")
        archive = _archive(context, target)
        if not archive.exists():
            _build(archive, target, context=context, scratch=Path(scratch))
    return archive


def _build(archive: Path, target: str, *, context: Path, scratch: Path) -> None:
    buildah.bound_storage()
    options = [
        f"--build-arg=PYTHON={base.ensure(target)}",
        # Debian's buildah does not set it by itself, nor does it take one base of several: all is built as on a
        # machine that has the target's architecture.
        f"--build-arg=BUILDPLATFORM=linux/{target}",
        f"--build-arg=REVISION={revision()}",
        *buildah.platform_options(target),
        *installer.build_options(scratch),
    ]
    buildah.build(name=reference(target), file=context / "Dockerfile", context=context, options=options)
    buildah.save(name=reference(target), archive=archive)
    prune(buildah.directory(), keep=KEPT_ARCHIVES, now=time.time())


def revision() -> str:
    """The commit of this checkout, for the label."""
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def prune(directory: Path, *, keep: int, now: float) -> None:
    """Remove all but the archives of this project that were used last, or that may be in use."""
    archives = sorted(directory.glob("project-*.tar"), key=lambda path: path.stat().st_mtime, reverse=True)
    for archive in archives[keep:]:
        if archive.stat().st_mtime < now - IN_USE_SECONDS:
            archive.unlink(missing_ok=True)


@contextmanager
def _lock() -> Iterator[None]:
    """One build at a time on this machine."""
    buildah.directory().mkdir(parents=True, exist_ok=True)
    with (buildah.directory() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
