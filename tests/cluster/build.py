"""Builds the test cluster's binaries once and finds them again: `python -m tests.cluster.build`.

The first build compiles all of Kubernetes and takes about ten minutes on two cores;
afterwards a binary is found by the hash of its inputs in a few milliseconds.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TextIO

from tests.cluster.commands import exit_code
from tests.cluster.errors import ClusterError
from tests.cluster.programs import (
    ALWAYS,
    BUILD_FLAGS,
    K10APIS,
    KUBERNETES,
    MODULE,
    PROGRAMS,
    Program,
    cache_directory,
    digest,
    install,
    prune,
)
from tests.cluster.progress import Progress, Reporter
from tests.cluster.toolchain import Go, find_go

TICK_SECONDS = 2.0
ERROR_LINES = 30
SCRATCH = "building-"


def kubernetes_binary() -> Path:
    """The binary with Kubernetes, etcd, CoreDNS, kubectl and helm in it."""
    return ensure(KUBERNETES)


def k10apis_binary() -> Path:
    """The binary of the K10 stand-in."""
    return ensure(K10APIS)


def ensure(program: Program, *, output: TextIO | None = None) -> Path:
    """Return the program's binary, building it unless these very inputs were built before."""
    go = find_go()
    binaries = cache_directory() / "bin"
    directory = binaries / digest(program, module=MODULE, go_version=go.version)
    binary = directory / program.name
    if not binary.exists():
        with _lock(binaries / "lock", output or sys.stderr):
            if not binary.exists():  # another process may have built it meanwhile
                _build_into(directory, program=program, go=go, output=output or sys.stderr)
                prune(binaries, program=program)
    os.utime(directory)  # pruning keeps what was used last
    return binary


def _build_into(directory: Path, *, program: Program, go: Go, output: TextIO) -> None:
    for abandoned in directory.parent.glob(f"{SCRATCH}*"):  # builds that were killed: ours is the only one alive
        shutil.rmtree(abandoned, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=directory.parent, prefix=SCRATCH) as scratch:
        built = Path(scratch) / program.name
        _compile(program, go=go, target=built, output=output)
        install(built, program=program, directory=directory)


def _compile(program: Program, *, go: Go, target: Path, output: TextIO) -> None:
    """Run the compiler with its messages in a file, from which progress is read."""
    module = MODULE / program.module
    total = _packages_to_compile(go, program.target, module)
    messages = target.with_name("messages")
    with (
        messages.open("w") as stream,
        subprocess.Popen(
            [str(go.path), "build", "-v", *BUILD_FLAGS, "-o", str(target), program.target],
            cwd=module,
            env=go.environment(),
            stderr=stream,
        ) as process,
    ):
        try:
            _watch(process, messages=messages, name=program.name, total=total, output=output)
        finally:
            process.terminate()
    if process.returncode != 0:
        end = "\n".join(messages.read_text().splitlines()[-ERROR_LINES:])
        raise ClusterError(f"go build {program.target} failed in {module}:\n{end}")


def _watch(process: subprocess.Popen[bytes], *, messages: Path, name: str, total: int, output: TextIO) -> None:
    reporter = Reporter(output=output, terminal=output.isatty())
    started = time.monotonic()
    while not _ended(process, within=TICK_SECONDS):
        progress = Progress.read(messages.read_text(), name=name, total=total)
        reporter.tick(progress, seconds=time.monotonic() - started)
    reporter.finish(name, seconds=time.monotonic() - started)


def _ended(process: subprocess.Popen[bytes], *, within: float) -> bool:
    with suppress(subprocess.TimeoutExpired):
        process.wait(within)
    return process.returncode is not None


def _packages_to_compile(go: Go, package: str, module: Path) -> int:
    """How many packages the build cache lacks; 0 (unknown) when Go cannot tell."""
    template = "{{if .Stale}}x{{end}}"
    listing = subprocess.run(
        [str(go.path), "list", "-deps", *BUILD_FLAGS, "-f", template, package],
        cwd=module,
        env=go.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    return listing.stdout.count("x")


@contextmanager
def _lock(path: Path, output: TextIO) -> Iterator[None]:
    """One build at a time on this machine: two would only slow each other down."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            output.write("waiting for another build of the test cluster\n")
            output.flush()
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main(arguments: Sequence[str] = ()) -> int:
    """Build what every test needs, or the programs named; print where they are."""
    return exit_code(partial(_build_and_tell, arguments or [program.name for program in ALWAYS]))


def _build_and_tell(names: Sequence[str]) -> int:
    programs = {program.name: program for program in PROGRAMS}
    for name in names:
        if name not in programs:
            raise ClusterError(f"{name}: not one of {', '.join(programs)}")
        sys.stdout.write(f"{ensure(programs[name])}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
