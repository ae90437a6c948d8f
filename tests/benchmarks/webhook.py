"""What receiving costs: events per second of the server's processor, with 400 events in a body, TLS and a token.

Besides the way from the port to the commit it is shown what the process costs with the engine joining and matching.
"""

from __future__ import annotations

import datetime as dt
import http.client
import itertools
import ssl
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.benchmarks import auditlog
from tests.benchmarks.receiver import COMMIT, PATH, WHOLE
from tests.benchmarks.showing import show
from tests.cluster.certificates import Authority, write_secret

RUNS: Final = 5
BODY_EVENTS: Final = 400
SENDERS: Final = 4
"""Connections that post at the same time, as an API server does that has more than one batch to send."""
SHARES: Final = ((0.001, ""), (0.01, " (target 100,000)"), (1.0, " (target 20,000)"))
"""Share of events about K10, and what is aimed at from port to commit."""
_SMALLER: Final = {0.001: 5, 0.01: 5, 1.0: 50}
"""By what ``--size`` is divided: enough for seconds of work."""
_TOKEN: Final = "a-token-that-only-the-api-server-knows"
_HEAD: Final = b'{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":['
_LINE_HEAD: Final = b'{"kind":"Event","apiVersion":"audit.k8s.io/v1",'


def run(directory: Path, size: int) -> None:
    """All figures, run by run in turn; ``size``: bytes of events, a fifth of it for each figure, or less."""
    bodies = {share: list(bodies_of(size // _SMALLER[share], share)) for share, _ in SHARES}
    speeds: dict[tuple[float, str], list[float]] = {}
    for number in range(RUNS):
        for share, way in itertools.product(bodies, (COMMIT, WHOLE)):
            speed = measured(directory / f"{number}-{share}-{way}", way, bodies[share])
            speeds.setdefault((share, way), []).append(speed)
    for share, target in SHARES:
        show(f"{share:.1%} relevant, to the commit{target}", statistics.median(speeds[share, COMMIT]), "events/CPU-s")
        show("  joined and matched as well", statistics.median(speeds[share, WHOLE]), "events/CPU-s")


def bodies_of(size: int, relevant: float) -> Iterator[bytes]:
    """Bodies as an API server posts them, together about ``size`` bytes; each event is another."""
    lines = (line for block in auditlog.generate(size=size, relevant=relevant) for line in block.splitlines())
    while items := [b"{" + line.removeprefix(_LINE_HEAD) for line in itertools.islice(lines, BODY_EVENTS)]:
        if len(items) == BODY_EVENTS:
            yield _HEAD + b",".join(items) + b"]}\n"


def measured(directory: Path, way: str, bodies: Sequence[bytes]) -> float:
    """Events per second of the processor, for one receiver with a new journal."""
    with Receiving(directory, way) as receiving:
        receiving.post([_HEAD + b"]}\n"] * SENDERS)  # connections stand, and what is made at first use is made
        before = receiving.used()
        receiving.post(bodies)
        return len(bodies) * BODY_EVENTS / (receiving.used() - before)


@dataclass
class Receiving:
    """A receiver as a process, and connections to it."""

    directory: Path
    way: str

    def __enter__(self) -> Self:
        self.directory.mkdir(parents=True)
        authority = Authority.create("auditwatch", now=dt.datetime.now(dt.UTC))
        authority.issue("auditwatch", hosts=["127.0.0.1"]).write(self.directory, "webhook")
        write_secret(self.directory / "token", _TOKEN.encode())
        tls = ssl.create_default_context(cadata=authority.pair.certificate_pem.decode())
        with (self.directory / "receiver.log").open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.benchmarks.receiver", str(self.directory), self.way],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        port = int(self._answer())
        self._connections = [
            http.client.HTTPSConnection("127.0.0.1", port, timeout=60, context=tls) for _ in range(SENDERS)
        ]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for connection in self._connections:
            connection.close()
        self._process.communicate()  # the end of its input is its end

    def used(self) -> float:
        """Seconds of the processor, once it is done with all it took."""
        assert self._process.stdin
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return float(self._answer())

    def post(self, bodies: Sequence[bytes]) -> None:
        """Post all, each once. Raises ``RuntimeError`` where one is not taken."""
        with ThreadPoolExecutor(SENDERS) as senders:
            list(senders.map(self._post_all, self._connections, (bodies[first::SENDERS] for first in range(SENDERS))))

    def _post_all(self, connection: http.client.HTTPSConnection, bodies: Sequence[bytes]) -> None:
        headers = {"Authorization": f"Bearer {_TOKEN}", "Content-Type": "application/json"}
        for body in bodies:
            connection.request("POST", PATH, body, headers)
            answer = connection.getresponse()
            text = answer.read()
            if answer.status != http.client.OK:
                raise RuntimeError(f"a body was answered with {answer.status}: {text.decode(errors='replace')}")

    def _answer(self) -> str:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            told = (self.directory / "receiver.log").read_text()
            raise RuntimeError(f"the receiver ended with {self._process.wait()}:\n{told}")
        return line
