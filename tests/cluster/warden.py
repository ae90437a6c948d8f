"""The parent of a control plane's processes, which outlives whoever asked for them.

A test run can be killed at any moment, and then nobody is left to stop etcd or to
delete its directory. So the components are children of this small process instead:
it takes orders as JSON lines on standard input, and when that pipe closes, for
whatever reason, it kills its children and all that these left running, does what it was
told to do last, and removes the directory. Should it be killed itself, the kernel kills
the children (a parent-death signal, which follows the *thread* that started a child:
another reason to have a single-threaded parent).

It is run as a file by an isolated interpreter, hence only the standard library.
"""

import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
LIBC = ctypes.CDLL(None, use_errno=True)

Children = dict[str, subprocess.Popen[bytes]]


def serve(directory: str) -> None:
    """Obey until standard input closes; then leave nothing behind."""
    children: Children = {}
    last: list[list[str]] = []
    LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1)  # who loses its parent becomes our child, and not that of the machine's init
    try:
        for line in sys.stdin:
            sys.stdout.write(json.dumps(obey(children, json.loads(line), last=last)) + "\n")
            sys.stdout.flush()
    finally:
        end(children)
        for argv in reversed(last):
            subprocess.run(argv, stdin=subprocess.DEVNULL, check=False)
        shutil.rmtree(directory, ignore_errors=True)


def obey(children: Children, order: Mapping[str, Any], *, last: list[list[str]]) -> dict[str, Any]:
    """Carry out one order; a failure is an answer, not the end of the warden."""
    name = order["name"]
    try:
        match order["do"]:
            case "last":
                last.append(order["argv"])
                return {}
            case "start":
                children[name] = start(order["argv"], log=order["log"], environment=order["env"])
            case "signal" if children[name].poll() is None:
                children[name].send_signal(order["signal"])
    except OSError as problem:
        return {"error": str(problem)}
    return {"pid": children[name].pid, "code": children[name].poll()}


def start(argv: Sequence[str], *, log: str, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    warden = os.getpid()

    def die_with_the_warden() -> None:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != warden:  # it died before the kernel was told
            os.kill(os.getpid(), signal.SIGKILL)

    with Path(log).open("ab") as output:
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
            preexec_fn=die_with_the_warden,  # noqa: PLW1509 - there is one thread here
        )


def end(children: Children) -> None:
    """Kill at once: the data goes with the directory, nothing is worth waiting for."""
    for child in reversed(children.values()):
        child.kill()
    for child in children.values():
        child.wait()
    while orphans := inherited():
        for pid in orphans:
            os.kill(pid, signal.SIGKILL)  # it cannot be another's meanwhile: its end was not waited for yet
        os.waitpid(-1, 0)  # any: the first process of a namespace ends only after all others in it were waited for


def inherited() -> list[int]:
    """Children, of whatever origin, that were not waited for."""
    try:
        return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]
    except OSError:  # a kernel that does not list them
        return []


if __name__ == "__main__":
    serve(sys.argv[1])
