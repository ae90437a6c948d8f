"""A control plane that outlives the shell: `python -m tests.cluster up` and `down`.

`up` leaves a holder process behind which owns the control plane and waits for
SIGTERM. The holder keeps a lock while it lives, so whether something runs never has
to be guessed from a process id in a file.
"""

import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol, Self, TextIO

from tests.cluster.audit import Audit
from tests.cluster.controlplane import ControlPlane
from tests.cluster.errors import ClusterError
from tests.cluster.identities import IDENTITIES

START_SECONDS = 900.0
STOP_SECONDS = 180.0
OWN_SECONDS = 5.0
POLL_SECONDS = 0.1
REPOSITORY = Path(__file__).parents[2]


class StandIn(Protocol):
    """What `--k10` needs of the K10 stand-in."""

    def __call__(self, control_plane: ControlPlane, /) -> AbstractContextManager[object]: ...


class Maker(Protocol):
    """Makes what is held: a control plane, or a whole node."""

    def __call__(self, *, audit: Audit | None) -> ControlPlane: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """What a user of a background control plane must know."""

    pid: int
    directory: str
    url: str
    binaries: str
    audit_log: str
    kubeconfigs: dict[str, str]

    @classmethod
    def of(cls, control_plane: ControlPlane, *, pid: int, audited: bool) -> Self:
        return cls(
            pid=pid,
            directory=str(control_plane.directory),
            url=control_plane.url,
            binaries=str(control_plane.binary.parent),
            audit_log=str(control_plane.audit_log) if audited else "",
            kubeconfigs={identity.key: str(control_plane.kubeconfig(identity)) for identity in IDENTITIES},
        )


class Background:
    """One named control plane in the background; its files are in the user's state directory."""

    def __init__(self, name: str) -> None:
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name):
            raise ClusterError(f"--name {name}: use lower-case letters, digits and dashes only")
        self.directory = state_directory() / "cluster" / name
        self.directory.mkdir(parents=True, exist_ok=True)
        self.log = self.directory / "log"
        self._state = self.directory / "running.json"

    def running(self) -> Running | None:
        """What `up` left behind, unless it ended meanwhile."""
        with (self.directory / "lock").open("a") as lock:
            if _take(lock) or not self._state.exists():
                return None
        return Running(**json.loads(self._state.read_text()))

    def up(self, arguments: Sequence[str]) -> Running:
        """Start a holder with these arguments of `hold` and wait until it is ready."""
        if already := self.running():
            return already
        with self.log.open("w") as log:
            holder = subprocess.Popen(
                [sys.executable, "-m", "tests.cluster", "hold", *arguments],
                cwd=REPOSITORY,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while not (started := self.running()):
            if holder.poll() is not None or time.monotonic() > deadline:
                holder.kill()
                raise ClusterError(f"the control plane did not start:\n{self.log.read_text()}")
            time.sleep(POLL_SECONDS)
        return started

    def hold(self, control_plane: ControlPlane, *, audited: bool, stand_in: StandIn | None) -> None:
        """Own a control plane until SIGTERM; this is the holder's whole life."""
        signal.signal(signal.SIGTERM, _end)
        with (self.directory / "lock").open("a") as lock, ExitStack() as stack:
            self._own(lock)
            self._state.unlink(missing_ok=True)
            stack.callback(self._state.unlink, missing_ok=True)  # the last thing done: until then it is running
            stack.enter_context(control_plane)
            if stand_in:
                stack.enter_context(stand_in(control_plane))
            state = Running.of(control_plane, pid=os.getpid(), audited=audited)
            staging = self._state.with_suffix(".new")
            staging.write_text(json.dumps(asdict(state)))
            staging.replace(self._state)
            while True:
                signal.pause()

    def down(self) -> bool:
        """End the holder and wait until it has cleaned up; False when none runs."""
        running = self.running()
        if not running:
            return False
        os.kill(running.pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while self.running():
            if time.monotonic() > deadline:
                raise ClusterError(f"process {running.pid} does not end; see {self.log}")
            time.sleep(POLL_SECONDS)
        return True

    def _own(self, lock: TextIO) -> None:
        """Take the lock for good; whoever only asks whether it is taken has it for a moment."""
        deadline = time.monotonic() + OWN_SECONDS
        while not _take(lock):
            if time.monotonic() > deadline:
                raise ClusterError(f"another holder owns {self.directory}")
            time.sleep(POLL_SECONDS)


def state_directory() -> Path:
    """The project's corner of the user's state."""
    configured = os.environ.get("XDG_STATE_HOME", "")
    return (Path(configured) if configured else Path.home() / ".local" / "state") / "k10-auditwatch"


def hold(name: str, *, make: Maker, audit: Audit | None, stand_in: StandIn | None) -> None:
    """Be the holder of the control plane called `name`, which `make` makes: with a node, or without."""
    control_plane = make(audit=audit)
    Background(name).hold(control_plane, audited=bool(audit and audit.log), stand_in=stand_in)


def _take(lock: TextIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _end(_number: int, _frame: object) -> None:
    raise SystemExit(0)
