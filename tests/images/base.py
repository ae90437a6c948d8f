"""A base image without a registry: Debian packages by debootstrap, with what the Dockerfile expects of its own base.

The published image stands on a slim Python image; this one has the same interpreter at the same place
(``/usr/local/bin/python3`` with pip), so that the Dockerfile is built here as it is, word for word.
"""

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.cluster.errors import ClusterError
from tests.cluster.programs import DIGEST_CHARACTERS
from tests.images import buildah

SUITE = "trixie"
"""Debian 13: Python 3.13, as in the Dockerfile."""
PACKAGES = ("ca-certificates", "python3-minimal", "python3-venv")
DOCKERFILE = """\
FROM scratch
ADD base.tar /
ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8
CMD ["python3"]
"""
LEFT_OUT = (
    "dev/*",
    "proc/*",
    "sys/*",
    "var/cache/apt/*",
    "var/lib/apt/lists/*",
    "var/log/*",
    "usr/share/python-wheels",
)
UNREAD = ("usr/share/doc/*", "usr/share/man/*", "usr/share/locale/*")


def digest(architecture: str) -> str:
    """Of everything this base is made from, but Debian's packages: those are as new as the day it was made."""
    parts = (SUITE, *PACKAGES, DOCKERFILE, *LEFT_OUT, *UNREAD, architecture)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:DIGEST_CHARACTERS]


def name(architecture: str) -> str:
    """Its name in our storage."""
    return f"localhost/auditwatch-base:{digest(architecture)}"


def indexes() -> str:
    """Where apt has its packages from: an address and a component a line."""
    template = ["--format", "$(REPO_URI) $(COMPONENT)", "Created-By: Packages"]
    return subprocess.run(["apt-get", "indextargets", *template], capture_output=True, text=True, check=False).stdout


def mirror(listing: str) -> str:
    """Where this machine has its Debian packages from: the first of apt's indexes with component main."""
    rows = [line.split() for line in listing.splitlines()]
    found = [row[0] for row in rows if len(row) == 2 and row[1] == "main" and row[0].startswith(("http", "file"))]
    if not found:
        raise ClusterError("apt knows no package index with component main: run apt-get update")
    return found[0]


def ensure(architecture: str) -> str:
    """The base's name; made unless the storage or the cache has it. About a minute the first time.

    Its programs must run here (:func:`tests.images.emulation.emulated`).
    """
    archive = buildah.directory() / f"base-{digest(architecture)}.tar"
    if not archive.exists():
        _make(archive, architecture)
    if not buildah.exists(name(architecture)):
        with tempfile.TemporaryDirectory(dir=buildah.directory(), prefix="scratch-") as context:
            (Path(context) / "Dockerfile").write_text(DOCKERFILE)
            (Path(context) / "base.tar").hardlink_to(archive)
            buildah.build(
                name=name(architecture),
                file=Path(context) / "Dockerfile",
                context=Path(context),
                options=buildah.platform_options(architecture),
            )
    return name(architecture)


def _make(archive: Path, architecture: str) -> None:
    buildah.directory().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=buildah.directory(), prefix="scratch-") as scratch:
        root, unfinished = Path(scratch) / "root", Path(scratch) / "base.tar"
        _debootstrap(root, architecture)
        excluded = [f"--exclude=./{pattern}" for pattern in (*LEFT_OUT, *UNREAD)]
        pack = ["tar", "-C", str(root), "--numeric-owner", *excluded, "-cf", str(unfinished), "."]
        buildah.run("base archive", pack)
        shutil.rmtree(root)
        unfinished.replace(archive)


def _debootstrap(root: Path, architecture: str) -> None:
    """Debian names architectures as images do."""
    include = f"--include={','.join(PACKAGES)}"
    arguments = ["--variant=minbase", f"--arch={architecture}", include, SUITE, str(root), mirror(indexes())]
    buildah.run(f"base of Debian {SUITE}, {architecture}", ["debootstrap", *arguments])
    buildah.run("Python of the base", ["chroot", str(root), "python3", "-m", "venv", "/usr/local"])
