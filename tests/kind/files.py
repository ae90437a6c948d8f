"""What a node image of ours has of its own beside Debian, kind and Kubernetes: each a small text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import yaml

from tests.cluster.node import components, configuration
from tests.cluster.node.namespaces import SYSCTLS
from tests.cluster.programs import KUBERNETES_VERSION

FIRST: Final = "kind/bin/first"
"""The first process of the node, before kind's own."""
KEPT: Final = ("fs/file-max", "fs/nr_open")
"""Kernel settings that systemd raises, of the whole machine."""
IMAGES: Final = "kind/images"

_FIRST: Final = """\
#!/bin/sh
# Settings of the whole machine: this node sees them as it wants them, and they stay as they are.
set -eu
mkdir -p /kind/shown
show() {{
  copy=/kind/shown/$(echo "$1" | tr / .)
  echo "$2" > "$copy"
  mount --bind "$copy" "/proc/sys/$1"
}}
{shown}
exec /usr/local/bin/entrypoint "$@"
"""
_CONTAINERD: Final = """\
[Service]
# A lower one may be forbidden.
OOMScoreAdjust=0
"""
_LOADED: Final = f"""\
[Unit]
Description=images that nobody can pull here
After=containerd.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -euc 'for archive in /{IMAGES}/*.tar; do ctr --namespace=k8s.io images import "$archive"; done'
"""
_KUBELET: Final = """\
[Service]
# It would try to pull what is not there yet. It is not ordered after them: kind has no patience with a slow start.
ExecStartPre=/bin/systemctl start images.service
TimeoutStartSec=infinity
"""
LINKS: Final[Mapping[str, str]] = {"etc/systemd/system/containerd.service.wants/images.service": "../images.service"}
"""Place in the image: what it points to."""
_NETWORK: Final[Mapping[str, object]] = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "pod-network", "namespace": "kube-system"},
    "data": {"how": "a bridge that the node brings along, in /etc/cni/net.d: there is no other node to reach"},
}
"""kind wants to create something here: in its own image it is the pods' network."""


def files() -> Mapping[str, str]:
    """Place in the image: content."""
    return {
        FIRST: first(),
        "kind/version": KUBERNETES_VERSION,
        "kind/manifests/default-cni.yaml": yaml.safe_dump(_NETWORK),
        "kind/manifests/default-storage.yaml": yaml.safe_dump_all(components.storage()),
        "etc/cni/net.d/10-bridge.conflist": configuration.cni(),
        "etc/systemd/system/images.service": _LOADED,
        "etc/systemd/system/containerd.service.d/10-score.conf": _CONTAINERD,
        "etc/systemd/system/kubelet.service.d/20-images.conf": _KUBELET,
    }


def first() -> str:
    """The script that the node begins with."""
    shown = [f"show {path} {value}" for path, value in SYSCTLS.items()]
    shown += [f'show {path} "$(cat /proc/sys/{path})"' for path in KEPT]
    return _FIRST.format(shown="\n".join(shown))
