"""The cgroup that belongs to one warden: made before its first process, and removed by it, however the test ends."""

from __future__ import annotations

import sys

from tests.cluster.node import cgroups
from tests.cluster.processes import Processes


def make_cgroup(processes: Processes) -> str:
    """Its name; those that nobody is left to remove are removed first."""
    for abandoned in cgroups.abandoned():
        cgroups.remove(abandoned, seconds=0)
    name = cgroups.name_for(processes.warden_pid)
    added = sorted(set(cgroups.CONTROLLERS) - cgroups.handed_on()) if cgroups.is_unified() else []
    processes.do_last("cgroups", [sys.executable, "-I", "-S", cgroups.__file__, name, *added])
    cgroups.make(name)
    return name
