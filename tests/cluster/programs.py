"""What is built, how, and where the result is kept.

A binary lives under the hash of everything that went into it: a change of sources,
dependencies, flags or Go version means another directory, never a stale binary.
"""

import hashlib
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

MODULE = Path(__file__).parent
KEPT_BUILDS = 4
DIGEST_CHARACTERS = 16
KUBERNETES_VERSION = "v1.37.2"
"""What the binary says of itself: the version that go.mod locks."""
_VERSION = "k8s.io/component-base/version"
BUILD_FLAGS = (
    "-trimpath",
    "-ldflags",
    f"-s -w -X {_VERSION}.gitVersion={KUBERNETES_VERSION} -X {_VERSION}.gitMajor=1 -X {_VERSION}.gitMinor=37",
)


@dataclass(frozen=True, slots=True)
class Program:
    """One main package; `links` are other names of its binary.

    `module`: the folder, below this one, of the Go module that locks what it is made of. `package`: as go build
    names it; empty is the folder of its name.
    """

    name: str
    links: tuple[str, ...] = ()
    module: str = "."
    package: str = ""

    @property
    def target(self) -> str:
        """What is given to go build."""
        return self.package or f"./{self.name}"


KUBERNETES = Program("kubernetes", links=("kubectl", "helm"))
K10APIS = Program("k10apis")
CERT_MANAGER = Program("certmanager", module="certmanager", package=".")
KUBE_ROUTER = Program(
    "kube-router", module="networkpolicies", package="github.com/cloudnativelabs/kube-router/v2/cmd/kube-router"
)
"""Of its three parts the one that enforces NetworkPolicies, with iptables and ipset."""
MONITORING = Program("monitoring-objects", module="monitoring", package=".")
KIND = Program("kind", module="kind", package="sigs.k8s.io/kind")
ACTIONLINT = Program("actionlint", module="actionlint", package="github.com/rhysd/actionlint/cmd/actionlint")
ALWAYS = (KUBERNETES, K10APIS, ACTIONLINT)
"""What `make binaries` builds, for `make test` needs it; the others are built by the first long test that does."""
PROGRAMS = (*ALWAYS, CERT_MANAGER, KUBE_ROUTER, MONITORING, KIND)


def cache_directory() -> Path:
    """The project's corner of the user's cache."""
    configured = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(configured) if configured else Path.home() / ".cache") / "k10-auditwatch"


def digest(program: Program, *, module: Path, go_version: str) -> str:
    """Identify a build by all of its inputs; `module` is the folder that programs' modules are in."""
    total = hashlib.sha256()
    for part in (program.name, *program.links, *BUILD_FLAGS, go_version):
        total.update(part.encode() + b"\0")
    for path in _inputs(program, module / program.module):
        content = path.read_bytes()
        total.update(f"{path.relative_to(module)}\0{len(content)}\0".encode() + content)
    return total.hexdigest()[:DIGEST_CHARACTERS]


def _inputs(program: Program, module: Path) -> Iterable[Path]:
    lock = (module / "go.mod", module / "go.sum")
    yield from lock
    if not program.target.startswith("."):  # another project's: the lock says all of it
        return
    # Every file, not only *.go: sources may embed others.
    found = (path for path in (module / program.target).rglob("*") if path.is_file())
    yield from sorted(path for path in found if path not in lock and not path.name.endswith("_test.go"))


def install(built: Path, *, program: Program, directory: Path) -> None:
    """Put a built binary and its links at their final place in one step."""
    staging = directory.with_name(f"{directory.name}.new")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    built.replace(staging / program.name)
    for link in program.links:
        (staging / link).symlink_to(program.name)
    staging.replace(directory)


def prune(binaries: Path, *, program: Program, keep: int = KEPT_BUILDS) -> list[Path]:
    """Remove all but the `keep` builds of a program that were used last."""
    builds = [path.parent for path in binaries.glob(f"*/{program.name}")]
    builds.sort(key=lambda build: build.stat().st_mtime, reverse=True)
    for build in builds[keep:]:
        shutil.rmtree(build, ignore_errors=True)
    return builds[keep:]
