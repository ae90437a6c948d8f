"""What a node or a Docker daemon must leave alone on the machine it runs on, as values to compare before and after."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from tests.cluster.node.namespaces import SYSCTLS
from tests.kind.files import KEPT

SETTINGS: Final = (
    *SYSCTLS,
    *KEPT,
    "kernel/pid_max",
    "net/ipv4/ip_forward",
    "net/ipv4/conf/all/route_localnet",
    "net/netfilter/nf_conntrack_max",
)
FOLDERS: Final = tuple(map(Path, ("/run", "/var/lib", "/var/log", "/etc", "/etc/cni", "/opt", "/opt/cni", "/lib")))
"""Where containerd, a kubelet, Docker, plugins, a log and kernel modules would show themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Each a set, so that a comparison that fails names what is new or gone."""

    interfaces: frozenset[str]
    mounts: frozenset[str]
    settings: frozenset[tuple[str, str]]
    rules: frozenset[str]
    folders: frozenset[Path]

    @classmethod
    def look(cls) -> Self:
        """The machine as it is now."""
        return cls(
            interfaces=frozenset(path.name for path in Path("/sys/class/net").iterdir()),
            mounts=frozenset(line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()),
            settings=frozenset(_settings()),
            rules=frozenset(_output("nft", "list", "ruleset").splitlines()),
            folders=frozenset(inner for folder in FOLDERS if folder.is_dir() for inner in folder.iterdir()),
        )


def in_namespace(kind: str, identity: str) -> list[int]:
    """Processes whose namespace of this kind (``pid``, ``net``…) is the one that ``identity`` names."""
    found = []
    for link in Path("/proc").glob(f"[0-9]*/ns/{kind}"):
        with suppress(OSError):  # it ended meanwhile
            if str(link.readlink()) == identity:
                found.append(int(link.parts[2]))
    return found


def cgroups_named(name: str) -> list[Path]:
    """Of any hierarchy and either version, wherever below the root."""
    return list(Path("/sys/fs/cgroup").rglob(name))


def _settings() -> Iterable[tuple[str, str]]:
    for setting in SETTINGS:
        path = Path("/proc/sys") / setting
        if path.exists():
            yield setting, path.read_text()


def _output(*argv: str) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout
