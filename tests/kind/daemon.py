"""A Docker daemon that a test starts in seconds and owns alone, with kind beside it.

The daemon and its containers have a network, mounts and processes of their own. Whoever talks to it and to what its
containers publish must be in its network: :meth:`Daemon.run` is.
"""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.cluster import build
from tests.cluster.errors import ClusterError
from tests.cluster.node import namespaces, owning
from tests.cluster.node.entered import Entered
from tests.cluster.processes import Processes
from tests.cluster.programs import KIND
from tests.cluster.waiting import eventually
from tests.kind import docker, node_image, requirements, room

COMMAND_SECONDS: Final = 600


class Daemon:
    """``with Daemon() as daemon:``. Root only; :func:`tests.kind.requirements.check` says what else."""

    cgroup = ""
    """What its containers' cgroups are below of."""

    def __init__(self) -> None:
        self._directory: Path | None = None
        self._processes: Processes | None = None
        self._init = 0

    def start(self) -> Self:
        """Return when it answers. ClusterError with the end of its log where it does not."""
        requirements.check()
        self._docker, self._kind = docker.ensure(), build.ensure(KIND)
        self._directory = Path(tempfile.mkdtemp(prefix="k10-auditwatch-docker-"))
        self._processes = Processes(directory=self._directory)
        try:
            self._launch(self._processes)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End it with all its containers and leave the machine as it was; harmless when repeated."""
        if self._processes is not None:
            self._processes.end()
            self._processes, self._init = None, 0

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def directory(self) -> Path:
        """Where its files are, and its socket."""
        assert self._directory is not None, "the daemon was not started"
        return self._directory

    @property
    def init(self) -> int:
        """The pid, on the machine, of the first process beside which the daemon runs."""
        assert self._init, "the daemon was not started"
        return self._init

    @property
    def environment(self) -> Mapping[str, str]:
        """For programs that are to find it, and kind."""
        path = os.pathsep.join([str(self._kind.parent), *docker.programs(self._docker), os.environ["PATH"]])
        return {**os.environ, "PATH": path, "DOCKER_HOST": f"unix://{self.directory / room.SOCKET}"}

    def command(self, argv: Sequence[str]) -> list[str]:
        """The command line that runs ``argv`` in its network; :attr:`environment` belongs to it."""
        return namespaces.beside(self.init, argv)

    def run(self, *argv: str) -> str:
        """Run a program, ``docker`` or ``kind`` for instance; what it prints. ClusterError when it fails."""
        done = subprocess.run(
            self.command(argv),
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        if done.returncode != 0:
            raise ClusterError(f"{' '.join(argv)}: exit code {done.returncode}\n{done.stderr.strip()}")
        return done.stdout

    def take_node_image(self) -> str:
        """Make the node image and have it known here; its name."""
        archive = node_image.write(self.directory / "node.tar")
        self.run(*node_image.import_command(archive))
        archive.unlink()
        return node_image.NAME

    def _launch(self, processes: Processes) -> None:
        self.cgroup = owning.make_cgroup(processes)
        script = room.write(self.directory, programs=docker.programs(self._docker), cgroup=self.cgroup)
        libraries = {"LD_LIBRARY_PATH": os.pathsep.join(docker.libraries(self._docker))}
        process = processes.start("dockerd", [*namespaces.UNSHARE, "bash", str(script)], environment=libraries)
        eventually(lambda: self._answers() or process.exit_code() is not None, "an answer of dockerd")
        if process.exit_code() is not None:
            raise ClusterError(f"no Docker daemon can be started here; what was said:\n{process.tail()}")
        self._init = Entered.of(process).inner

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.directory / room.SOCKET)) == 0
