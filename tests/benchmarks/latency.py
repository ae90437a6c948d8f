"""From a line in the audit log to its finding, as whoever watches findings sees it, while 2,000 lines a second come.

A real operator reads the file and writes to a real API server. One request in a thousand meets a rule: half of them
wait for nothing, the others are about a watched kind and wait for the change they made, which never comes.
"""

from __future__ import annotations

import http.client
import itertools
import json
import os
import statistics
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.benchmarks import auditlog
from tests.benchmarks.auditlog import Shape, line
from tests.benchmarks.showing import show
from tests.cluster import build
from tests.cluster.controlplane import ControlPlane
from tests.cluster.identities import ADMIN
from tests.k10.standin import K10StandIn
from tests.live.installation import API_VERSION, Installation

RATE: Final = 2_000
"""Lines per second."""
ONE_IN: Final = 1_000
LONGEST_SECONDS: Final = 240.0
WARM_UP_SECONDS: Final = 5.0
PATIENCE_SECONDS: Final = 120.0
_LINE_BYTES: Final = 1_190
_TICK_SECONDS: Final = 0.01
_SHAPES: Final[tuple[Shape, ...]] = (
    ("get", "", "secrets", "kasten-io", "jane@example.org", "kubectl/v1.37.2"),
    ("delete", "apps.kio.kasten.io", "restorepoints", "shop", "mallory@example.org", "kubectl/v1.37.2"),
)
"""By two people: nothing somebody did is told before what the same person did earlier and still waits."""
_SAID: Final = {"secrets": "that waits for nothing", "restorepoints": "of a watched kind, without its change"}


def run(directory: Path, size: int) -> None:
    """The figures; ``size``: bytes of log, at most four minutes of it."""
    seconds = min(size / _LINE_BYTES / RATE, LONGEST_SECONDS)
    build.kubernetes_binary()
    build.k10apis_binary()
    log = directory / "audit.log"
    log.touch()
    with ControlPlane() as cluster, K10StandIn(cluster, points=1):
        file = {"type": "File", "name": "audit-log", "path": str(log), "instance": "cp-1"}
        operator = Installation(
            cluster, directory=directory / "operator", settings={"sources": [{"type": "State"}, file]}
        )
        try:
            _begin(operator)
            course = Course(log)
            threading.Thread(target=course.watch, args=(cluster,), daemon=True).start()
            course.write(WARM_UP_SECONDS)
            course.sent.clear()
            rate = course.write(seconds)
            operator.wait(course.is_over, what="every finding", timeout=PATIENCE_SECONDS)
        finally:
            operator.stop()
    show(f"lines per second (meant: {RATE:,}), {seconds:.0f} s", rate, "1/s")
    for resource, said in _SAID.items():
        _tell(said, course.latencies(resource))


def _begin(operator: Installation) -> None:
    operator.install()
    operator.start()
    operator.wait_ready()
    rules = [
        {
            "name": resource,
            "severity": "High",
            "match": {"apiGroups": [group], "resources": [resource], "verbs": [verb]},
            "finding": {"groupBy": ["target.namespace", "target.name"]},
        }
        for verb, group, resource, *_ in _SHAPES
    ]
    operator.watch(packs=[], rules=rules, findings={"maxPerRule": 10_000})
    operator.wait(lambda: operator.condition("Accepted").get("status") == "True", what="the rules to be in force")


def _tell(said: str, latencies: list[float]) -> None:
    if len(latencies) < 2:
        print(f"{said}: too few to tell; give a larger --size", flush=True)
        return
    cuts = statistics.quantiles(latencies, n=100, method="inclusive")
    show(f"line to finding, {said}, p50 of {len(latencies)}", 1000 * cuts[49], "ms")
    show("  p99", 1000 * cuts[98], "ms")


@dataclass
class Course:
    """When each request was written and each finding seen, by the clock of :func:`time.monotonic`."""

    log: Path
    sent: dict[str, float] = field(default_factory=dict)
    """By name of the object."""
    seen: dict[str, float] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def write(self, seconds: float) -> float:
        """Write for some time; the lines per second that came of it."""
        noise = _noise()
        file = os.open(self.log, os.O_WRONLY | os.O_APPEND)
        begun, written = time.monotonic(), 0
        try:
            while (passed := time.monotonic() - begun) < seconds:
                due = int(passed * RATE) - written
                lines = [self._line(written + number, noise) for number in range(due)]
                os.write(file, b"".join(each + b"\n" for each in lines))
                written += due
                time.sleep(_TICK_SECONDS)
        finally:
            os.close(file)
        return written / (time.monotonic() - begun)

    def _line(self, number: int, noise: Iterator[bytes]) -> bytes:
        if number % ONE_IN:
            return next(noise)
        own = next(self._numbers)
        shape = _SHAPES[own % len(_SHAPES)]
        name = f"{shape[2]}-{own:06d}"
        self.sent[name] = time.monotonic()
        return line(shape, name)

    def watch(self, cluster: ControlPlane) -> None:
        """See findings as they come, until the server is gone."""
        connection = http.client.HTTPSConnection(
            "127.0.0.1", cluster.ports.apiserver, context=cluster.credentials.tls(ADMIN)
        )
        connection.request("GET", f"/apis/{API_VERSION}/k10securityfindings?watch=true")
        answer = connection.getresponse()
        while told := answer.readline():
            finding: dict[str, Any] = json.loads(told)["object"]
            name = finding.get("spec", {}).get("target", {}).get("name", "")
            self.seen.setdefault(name, time.monotonic())

    def is_over(self) -> bool:
        """Whether every request has its finding."""
        return self.sent.keys() <= self.seen.keys()

    def latencies(self, resource: str) -> list[float]:
        """Seconds, of the requests about this kind."""
        return [self.seen[name] - at for name, at in self.sent.items() if name.startswith(resource)]


def _noise() -> Iterator[bytes]:
    for block in auditlog.generate(size=1 << 62, relevant=0.0):
        yield from block.splitlines()
