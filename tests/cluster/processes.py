"""The processes of one control plane, as seen from the test that owns them.

Every component is started through the warden (see there), so that this side may die
in any way without leaving a process or a directory.
"""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from tests.cluster.errors import ClusterError

TAIL_LINES = 15
STOP_SECONDS = 120.0
POLL_SECONDS = 0.05


class Processes:
    """Starts processes whose life ends with ours; logs go to `<directory>/logs`."""

    def __init__(self, *, directory: Path) -> None:
        self.directory = directory
        self.logs = directory / "logs"
        self.logs.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._warden = subprocess.Popen(
            [sys.executable, "-I", "-S", str(Path(__file__).with_name("warden.py")), str(directory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            start_new_session=True,  # Ctrl-C is for the owner, who then ends us in order
        )

    @property
    def warden_pid(self) -> int:
        return self._warden.pid

    def start(self, name: str, argv: Sequence[str], *, environment: Mapping[str, str] | None = None) -> "Process":
        """Start `argv`; its output is appended to `logs/<name>.log`."""
        log = self.logs / f"{name}.log"
        answer = self.order(
            {"do": "start", "name": name, "argv": list(argv), "log": str(log), "env": dict(environment or {})}
        )
        return Process(self, name=name, pid=answer["pid"], log=log)

    def do_last(self, name: str, argv: Sequence[str]) -> None:
        """Run `argv` when every process has ended, however it came to that."""
        self.order({"do": "last", "name": name, "argv": list(argv)})

    def order(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """Send one order to the warden and return its answer."""
        assert self._warden.stdin
        assert self._warden.stdout
        with self._lock:
            try:
                self._warden.stdin.write(json.dumps(order) + "\n")
                answer = self._warden.stdout.readline()
            except (OSError, ValueError):
                answer = ""
        if not answer:
            raise ClusterError(f"{order['name']}: its supervisor is gone; start a new control plane")
        reply = cast(dict[str, Any], json.loads(answer))
        if "error" in reply:
            raise ClusterError(f"{order['name']} cannot be started: {reply['error']}")
        return reply

    def end(self) -> None:
        """Kill every process and remove the directory; harmless when repeated."""
        assert self._warden.stdin
        assert self._warden.stdout
        with suppress(OSError):  # the warden may be gone already, and its children with it
            self._warden.stdin.close()
        self._warden.wait()
        self._warden.stdout.close()


class Process:
    """One running component."""

    def __init__(self, processes: Processes, *, name: str, pid: int, log: Path) -> None:
        self.name = name
        self.pid = pid
        self.log = log
        self._processes = processes

    def exit_code(self) -> int | None:
        """None while it runs; negative for the signal that ended it."""
        return cast(int | None, self._processes.order({"do": "poll", "name": self.name})["code"])

    def stop(self, *, seconds: float = STOP_SECONDS) -> int:
        """Ask it to end, insist after `seconds`, and return its exit code."""
        self.send(signal.SIGTERM)
        code = self._wait(seconds)
        return self.kill() if code is None else code

    def kill(self) -> int:
        """End it like a power cut."""
        self.send(signal.SIGKILL)
        code = self._wait(STOP_SECONDS)
        if code is None:
            raise ClusterError(f"{self.name} (pid {self.pid}) survives SIGKILL: the machine is stuck on I/O")
        return code

    def send(self, number: signal.Signals) -> None:
        self._processes.order({"do": "signal", "name": self.name, "signal": int(number)})

    def tail(self, *, lines: int = TAIL_LINES) -> str:
        """The end of its log, for error messages."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def _wait(self, seconds: float) -> int | None:
        deadline = time.monotonic() + seconds
        while (code := self.exit_code()) is None and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        return code
