"""What watching a large K10 costs: start-up, memory, first list, time to notice."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks.showing import show
from tests.cluster import build
from tests.cluster.controlplane import ControlPlane
from tests.k10.standin import K10StandIn
from tests.live.installation import Installation

POINTS = 50_000
MIB = 1024**2
PATIENCE_SECONDS = 900.0
POINT_DELETED = {
    "name": "point-deleted",
    "severity": "High",
    "match": {"apiGroups": ["apps.kio.kasten.io"], "resources": ["restorepoints"], "verbs": ["delete"]},
}
OBJECTS = re.compile(r'auditwatch_kind_objects\{kind="apps\.kio\.kasten\.io/restorepoints"\} ([\d.e+]+)')


def run(directory: Path) -> None:
    """Both figures."""
    build.kubernetes_binary()
    build.k10apis_binary()
    idle(directory / "idle")
    large(directory / "large")


def idle(directory: Path) -> None:
    """Start-up and memory with an ordinary K10."""
    with ControlPlane() as cluster, K10StandIn(cluster):
        operator = Installation(cluster, directory=directory)
        try:
            operator.install()
            show("process start to ready", timed(lambda: started(operator)), "s")
            watch(operator)
            time.sleep(10)
            show("idle resident memory (target 150)", operator.rss() / MIB, "MiB")
            show("SIGTERM to exit (target about 3)", timed(operator.terminate), "s")
        finally:
            operator.stop()


def large(directory: Path) -> None:
    """50,000 restore points: first list, memory, time to notice one deletion."""
    with ControlPlane() as cluster, K10StandIn(cluster, applications=("shop",), points=POINTS) as k10:
        operator = Installation(cluster, directory=directory)
        try:
            operator.install()
            started(operator)
            first = timed(
                lambda: operator.wait(lambda: known(operator) >= POINTS, what="the list", timeout=PATIENCE_SECONDS)
            )
            show(f"first list of {POINTS:,} restore points and as many contents", first, "s")
            show("resident memory after it (target 250)", operator.rss() / MIB, "MiB")
            watch(operator)
            show("deletion to finding", timed(lambda: noticed(operator, k10)), "s")
            show("resident memory at the end (target 250)", operator.rss() / MIB, "MiB")
        finally:
            operator.stop()


def started(operator: Installation) -> None:
    """Start it and wait until it is ready."""
    operator.start()
    operator.wait_ready()


def watch(operator: Installation) -> None:
    """One AuditWatch with one rule, in force."""
    operator.watch(packs=[], rules=[POINT_DELETED])
    operator.wait(
        lambda: operator.condition("Ready").get("status") == "True", what="the AuditWatch", timeout=PATIENCE_SECONDS
    )


def noticed(operator: Installation, k10: K10StandIn) -> None:
    """Delete one restore point and wait for its finding."""
    points = f"/apis/{k10.group('apps')}/v1alpha1/namespaces/shop/restorepoints"
    name = operator.cluster.request("GET", f"{points}?limit=1").json()["items"][0]["metadata"]["name"]
    operator.cluster.request("DELETE", f"{points}/{name}")
    operator.wait(lambda: bool(operator.findings_of("point-deleted")), what="the finding", timeout=PATIENCE_SECONDS)


def known(operator: Installation) -> float:
    """Restore points the operator knows, by its own metric."""
    found = OBJECTS.search(operator.get("/metrics")[1])
    return float(found[1]) if found else 0.0


def timed(work: Callable[[], object]) -> float:
    """Seconds it takes."""
    begun = time.monotonic()
    work()
    return time.monotonic() - begun
