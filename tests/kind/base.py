"""What a node image of ours stands on: Debian with systemd, containerd and runc, and in it the files of kind itself.

kind's entrypoint, its systemd units and its settings for containerd are taken out of kind's own Go module, of the
version that is locked, when the base is made. What differs from the image that kind's project publishes is said here.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import Final

from tests.cluster import modules
from tests.cluster.programs import DIGEST_CHARACTERS, KIND, MODULE
from tests.images import base, buildah

SUITE: Final = "bookworm"
"""Debian 12: the last whose systemd runs on cgroups of version 1 too."""
PACKAGES: Final = (
    *("systemd", "containerd", "runc", "containernetworking-plugins", "conntrack", "iptables", "nftables", "iproute2"),
    *("ethtool", "mount", "kmod", "jq", "procps", "ca-certificates"),
)
MODULE_OF_KIND: Final = "sigs.k8s.io/kind"
FILES: Final = "images/base/files"
SETUP: Final = r"""
set -eu
units=/lib/systemd/system
# No consoles, no timers, no logins: of what is started by itself only what every system needs, and the journal.
find $units /etc/systemd/system -path '*.wants/*' ! -path '*/sysinit.target.wants/*' ! -name 'systemd-journald*' -delete
systemctl mask systemd-tmpfiles-setup.service systemd-binfmt.service proc-sys-fs-binfmt_misc.automount
systemctl enable containerd.service kubelet.service undo-mount-hacks.service
mkdir -p /etc/systemd/journald.conf.d /etc/kubernetes/manifests /opt/cni
printf '[Journal]\nReadKMsg=no\n' > /etc/systemd/journald.conf.d/kernel.conf
# Debian's settings are of the whole machine; kind's own, in /etc/sysctl.d, are of the node's network.
rm -f /usr/lib/sysctl.d/*
ln -s $units/../systemd /sbin/init
# kind expects programs at other places than Debian.
ln -s /usr/bin/containerd /usr/local/bin/containerd
ln -s /usr/lib/cni /opt/cni/bin
# Without CAP_SYS_RESOURCE nobody may have a lower OOM score than containerd.
sed -i 's/\(restrict_oom_score_adj\) = false/\1 = true/' /etc/containerd/config.toml
hook='{"path": "/kind/bin/mount-product-files.sh"}'
ctr oci spec | jq ".hooks.createContainer = [$hook] | del(.process.rlimits)" > /etc/containerd/cri-base.json
"""
LEFT_OUT: Final = ("var/cache/apt/*", "var/lib/apt/lists/*", "usr/share/doc/*", "usr/share/man/*", "usr/share/locale/*")


def digest(architecture: str) -> str:
    """Of everything this base is made from, but Debian's packages: those are as new as the day it was made."""
    lock = (MODULE / KIND.module / "go.sum").read_text()
    parts = (SUITE, *PACKAGES, SETUP, *LEFT_OUT, lock, architecture)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:DIGEST_CHARACTERS]


def ensure() -> Path:
    """Its files as a tar, from the cache or made in two minutes. ClusterError where that fails."""
    buildah.check()
    archive = buildah.directory() / f"kind-base-{digest(buildah.architecture())}.tar"
    if not archive.exists():
        buildah.directory().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=buildah.directory(), prefix="scratch-") as scratch:
            _make(Path(scratch) / "root", Path(scratch) / "base.tar")
            (Path(scratch) / "base.tar").replace(archive)
        for older in set(buildah.directory().glob("kind-base-*.tar")) - {archive}:
            older.unlink(missing_ok=True)
    return archive


def _make(root: Path, archive: Path) -> None:
    options = ["--variant=minbase", f"--include={','.join(PACKAGES)}", SUITE, str(root), base.mirror(base.indexes())]
    buildah.run(f"base of kind's node, Debian {SUITE}", ["debootstrap", *options])
    take_files(modules.folder(KIND, MODULE_OF_KIND) / FILES, root)
    buildah.run("services of kind's node", ["chroot", str(root), "sh", "-c", SETUP])
    left_out = [f"--exclude=./{pattern}" for pattern in (*base.LEFT_OUT, *LEFT_OUT)]
    buildah.run("base archive", ["tar", "-C", str(root), "--numeric-owner", *left_out, "-cf", str(archive), "."])


def take_files(files: Path, root: Path) -> None:
    """Copy kind's files; a Go module's are read-only, and none of them can be run."""
    for source in sorted(path for path in files.rglob("*") if path.is_file()):
        place = root / source.relative_to(files)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, place)
        place.chmod(0o755 if place.parent.name == "bin" else 0o644)
