"""The images that kubeadm's pods are started from: one image under all their names, as there is one binary.

kube-proxy also runs the tools that set packet rules; they are this machine's, with the libraries they are linked to.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.cluster.errors import ClusterError
from tests.cluster.node.images import Image, busybox
from tests.cluster.programs import KUBERNETES_VERSION

BINARY: Final = "usr/local/bin/kubernetes"
COMPONENTS: Final = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy")
RULES: Final = Path("/usr/sbin/xtables-nft-multi")
RULE_COMMANDS: Final = tuple(f"{ip}tables{what}" for ip in ("ip", "ip6") for what in ("", "-save", "-restore"))
EXTENSIONS: Final = "xtables/*.so"
PATH: Final = "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
SANDBOX: Final = "registry.k8s.io/pause:3.10"
"""What kind's settings for containerd name."""


def names(binary: Path) -> list[str]:
    """Of the images that a cluster of this version is made from, as kubeadm has them."""
    return _run(
        [str(binary), "kubeadm", "config", "images", "list", f"--kubernetes-version={KUBERNETES_VERSION}"]
    ).split()


def images(binary: Path) -> tuple[Image, Image]:
    """Of all components, and of what holds a pod's namespaces."""
    known = names(binary)
    pauses = [name for name in known if _is_pause(name)]
    return _components(binary, [name for name in known if name not in pauses]), busybox(references=[*pauses, SANDBOX])


def linked(listing: str) -> set[Path]:
    """The libraries in what ldd prints; the kernel's own one is no file."""
    return {
        Path(word) for line in listing.splitlines() for word in line.split() if word.startswith("/") and word[-1] != ":"
    }


def _components(binary: Path, references: Sequence[str]) -> Image:
    links = {f"usr/local/bin/{name}": "kubernetes" for name in COMPONENTS}
    links |= {f"usr/sbin/{name}": RULES.name for name in RULE_COMMANDS}
    return Image(
        references=references,
        files={BINARY: binary, **_rule_tools()},
        links={**links, "coredns": BINARY},  # of all of them the one whose pod names no command
        folders=["tmp"],
        entrypoint=["/coredns"],
        path=PATH,
    )


def _rule_tools() -> Mapping[str, Path]:
    """Place in the image: file of this machine."""
    extensions = set(Path("/usr/lib").glob(f"*/{EXTENSIONS}"))
    if not RULES.exists() or not extensions:
        raise ClusterError(f"{RULES} and its extensions are not here: kube-proxy's image is made of Debian's iptables")
    return {str(path).lstrip("/"): path for path in {RULES, *extensions, *_libraries([RULES, *extensions])}}


def _libraries(programs: Iterable[Path]) -> set[Path]:
    return linked(_run(["ldd", *map(str, programs)]))


def _is_pause(name: str) -> bool:
    return name.rpartition(":")[0].endswith("/pause")


def _run(argv: Sequence[str]) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ClusterError(f"{argv[0]}: exit code {done.returncode}\n{done.stderr.strip()}")
    return done.stdout
