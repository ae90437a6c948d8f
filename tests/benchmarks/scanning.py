"""What scanning costs beside reading, ripgrep and decoding each line, on the same cached file, run by run in turn.

Figures are bytes per second of the processor, without those of the same command on an empty file.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from isal import igzip

from tests.benchmarks import auditlog
from tests.benchmarks.measuring import ENDED, Cost, cost_of, private_memory
from tests.benchmarks.showing import show
from tests.cluster import build
from tests.cluster.audit import EVERYTHING, METADATA, Audit
from tests.cluster.controlplane import ControlPlane
from tests.k10.standin import K10StandIn

RUNS: Final = 5
RELEVANT: Final = 0.001
GB: Final = 1e9
MIB: Final = 1024**2
_PYTHON: Final = sys.executable
_SCAN: Final = (_PYTHON, "-m", "auditwatch", "scan", "--no-progress", "-o", "json")
_RECORDED_BYTES: Final = 200_000_000
_BESIDE: Final = ("read", "touch", "count", "search", "typed", "json")
"""What a scan is compared with, among it what no scan can be without: its own parts, each alone."""

Commands = Mapping[str, Sequence[str]]
"""By what is shown of them; the file is their last argument."""


def run(directory: Path, size: int) -> None:
    """All figures; ``size`` is of the generated log, in bytes."""
    log, empty = directory / "audit.log", directory / "empty.log"
    auditlog.write(log, size=size, relevant=RELEVANT)
    empty.touch()
    _tell(log)
    compare(log, empty, {**_readers(*_BESIDE), **_ripgrep(), **_scans()})
    _compressed(directory, log, empty)
    _memory(directory, 2 * size)
    log.unlink()
    _recorded(directory, empty)


def compare(log: Path, empty: Path, commands: Commands) -> dict[str, float]:
    """Show each command, in turn run after run; GB per second of the processor by command."""
    size = log.stat().st_size
    if log.suffix == ".gz":
        size = int.from_bytes(log.read_bytes()[-4:], "little")
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    starts: dict[str, list[Cost]] = {name: [] for name in commands}
    for _ in range(RUNS):
        for name, command in commands.items():
            starts[name].append(cost_of([*command, str(empty)]))
            costs[name].append(cost_of([*command, str(log)]))
    speeds: dict[str, float] = {}
    for name in commands:
        start = statistics.median(each.processor for each in starts[name])
        spent = max(statistics.median(each.processor for each in costs[name]) - start, 1e-6)
        wall = statistics.median(each.wall for each in costs[name])
        speeds[name] = size / GB / spent
        print(f"  {name:.<44} {speeds[name]:7.2f} GB/s  start {start:5.2f} s  on the wall {wall:6.2f} s", flush=True)
    return speeds


def _readers(*ways: str) -> Commands:
    names = {
        "read": "read() in 256 KiB",
        "touch": "  in windows of a scan, looking for nothing",
        "count": "  in windows, counting lines alone",
        "search": "  in windows, searching alone",
        "typed": "msgspec, each line",
        "json": "stdlib json, each line",
        "isal": "isal alone",
    }
    return {names[way]: (_PYTHON, "-m", "tests.benchmarks.readers", way) for way in ways}


def _ripgrep() -> Commands:
    found = shutil.which("rg")
    literals = ("-e", "kio.kasten.io", "-e", '"namespace":"kasten-io"', "-e", "cr.kanister.io")
    return {"ripgrep, three literals": (found, "-F", "-c", *literals)} if found else {}


def _scans() -> Commands:
    return {"auditwatch scan, one process": (*_SCAN, "--jobs", "1"), "auditwatch scan": _SCAN}


def _tell(log: Path) -> None:
    """What the log is, by the scan itself."""
    told = _summary(log)
    share = told["selected"] / max(told["lines"], 1)
    print(
        f"{log.stat().st_size / GB:.2f} GB, {told['lines']:,} lines, {share:.3%} selected by the shipped pack",
        flush=True,
    )


def _summary(log: Path) -> dict[str, Any]:
    run = subprocess.run([*_SCAN, str(log)], capture_output=True, check=False)
    if run.returncode not in ENDED or not run.stdout:
        raise RuntimeError(f"scan of {log}: exit code {run.returncode}: {run.stderr.decode(errors='replace')}")
    told: dict[str, Any] = json.loads(run.stdout)["summary"]
    return told


def _compressed(directory: Path, log: Path, empty: Path) -> None:
    packed, nothing = directory / "audit.log.gz", directory / "empty.log.gz"
    for source, target in ((log, packed), (empty, nothing)):
        with source.open("rb") as file, igzip.IGzipFile(target, "wb", compresslevel=1) as out:  # type: ignore[no-untyped-call]  # its stubs are incomplete
            shutil.copyfileobj(file, out, 1 << 20)
    print("compressed, by bytes uncompressed:", flush=True)
    compare(packed, nothing, {**_readers("isal"), "auditwatch scan": _SCAN})
    packed.unlink()


def _memory(directory: Path, size: int) -> None:
    """RssAnon in the first and the last quarter of a scan of a larger log."""
    log = directory / "large.log"
    auditlog.write(log, size=size, relevant=RELEVANT)
    for jobs in ("1", "2"):
        seen = private_memory([*_SCAN, "--jobs", jobs, str(log)])
        quarter = max(len(seen) // 4, 1)
        show(f"RssAnon of a scan of {size / GB:.1f} GB, {jobs} process(es), most", max(seen) / MIB, "MiB")
        show("  in the second quarter, most", max(seen[quarter : 2 * quarter]) / MIB, "MiB")
        show("  in the last quarter, most", max(seen[-quarter:]) / MIB, "MiB")
    log.unlink()


def _recorded(directory: Path, empty: Path) -> None:
    """Logs of a real API server with K10 on it, repeated until there is enough to measure."""
    binaries = build.kubernetes_binary(), build.k10apis_binary()
    for level, policy in (("Metadata", METADATA), ("RequestResponse", EVERYTHING)):
        with (
            ControlPlane(binary=binaries[0], audit=Audit(policy=policy)) as cluster,
            K10StandIn(cluster, binary=binaries[1]),
        ):
            data = cluster.audit_log.read_bytes()
        log = directory / f"recorded-{level}.log"
        whole = data[: data.rfind(b"\n") + 1]
        log.write_bytes(whole * max(1, _RECORDED_BYTES // len(whole)))
        print(f"recorded from the test cluster at level {level}: ", end="", flush=True)
        _tell(log)
        compare(log, empty, {**_readers("read", "typed"), "auditwatch scan, one process": (*_SCAN, "--jobs", "1")})
        log.unlink()
