"""How this cluster is run, and so which way its audit log can be read: from labels, provider ids and version suffixes.

These are conventions of the platforms, not promises; where none is recognised that is said. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from auditwatch.doctor.facts import Platform, Unread

Name = Literal["k3d", "k3s", "RKE2", "kind", "OpenShift", "EKS", "GKE", "AKS", "kubeadm", "unknown"]
JSONObject = Mapping[str, Any]

AUDIT_FLAGS: Final = ("audit-log-path", "audit-policy-file", "audit-webhook-config-file")
_KUBEADM: Final = "kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint"
_BY_PROVIDER: Final[Mapping[str, Name]] = {"kind://": "kind", "k3s://": "k3s"}
_BY_LABEL: Final[Mapping[str, Name]] = {
    "eks.amazonaws.com/": "EKS",
    "cloud.google.com/gke-": "GKE",
    "kubernetes.azure.com/": "AKS",
    "node.openshift.io/": "OpenShift",
}
_BY_VERSION: Final[Mapping[str, Name]] = {"+k3s": "k3s", "+rke2": "RKE2", "-eks-": "EKS", "-gke.": "GKE"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How the audit log of a platform can be read today."""

    by: Literal["agent", "webhook", "none"]
    log: str = ""
    """Where its audit log is by convention, on control-plane nodes."""
    config: str = ""
    """What ``auditwatch webhook-config --platform`` calls it."""


WAYS: Final[Mapping[Name, Way]] = {
    "kubeadm": Way(by="agent", log="/var/log/kubernetes/audit/audit.log", config="kubeadm"),
    "kind": Way(by="webhook", log="/var/log/kubernetes/audit/audit.log", config="kind"),
    "k3s": Way(by="agent", log="/var/lib/rancher/k3s/server/logs/audit.log", config="k3s"),
    "k3d": Way(by="webhook", log="/var/lib/rancher/k3s/server/logs/audit.log", config="k3s"),
    "RKE2": Way(by="agent", log="/var/lib/rancher/rke2/server/logs/audit.log", config="rke2"),
    "OpenShift": Way(by="agent", log="/var/log/kube-apiserver/audit.log"),
    "EKS": Way(by="none"),
    "GKE": Way(by="none"),
    "AKS": Way(by="none"),
}


def name_of(platform: Platform, *, version: str) -> Name:
    """The platform; ``version``: of the API server, which some give a suffix of their own."""
    nodes = [] if isinstance(platform.nodes, Unread) else platform.nodes
    if not isinstance(platform.groups, Unread) and "config.openshift.io" in platform.groups:
        return "OpenShift"
    found = next((name for node in nodes for name in _of_node(node)), None) or _of_version(version)
    if found == "k3s" and any(str(node["metadata"].get("name", "")).startswith("k3d-") for node in nodes):
        return "k3d"
    return found or ("kubeadm" if _is_kubeadm(platform) else "unknown")


def flags_of(platform: Platform) -> dict[str, str]:
    """The audit flags of the first kube-apiserver whose static pod can be seen; empty where none can."""
    if isinstance(platform.api_servers, Unread):
        return {}
    for pod in platform.api_servers:
        words = [word for container in pod["spec"]["containers"] for word in _words(container)]
        pairs = (word.removeprefix("--").partition("=") for word in words)
        return {name: value for name, _, value in pairs if name in AUDIT_FLAGS and value}
    return {}


def _words(container: JSONObject) -> Sequence[str]:
    return [*(container.get("command") or ()), *(container.get("args") or ())]


def _of_node(node: JSONObject) -> Iterator[Name]:
    labels = node["metadata"].get("labels") or {}
    yield from (name for prefix, name in _BY_LABEL.items() if any(label.startswith(prefix) for label in labels))
    provider = str((node.get("spec") or {}).get("providerID") or "")
    yield from (name for prefix, name in _BY_PROVIDER.items() if provider.startswith(prefix))
    kubelet = ((node.get("status") or {}).get("nodeInfo") or {}).get("kubeletVersion") or ""
    if found := _of_version(str(kubelet)):
        yield found


def _of_version(version: str) -> Name | None:
    return next((name for part, name in _BY_VERSION.items() if part in version), None)


def _is_kubeadm(platform: Platform) -> bool:
    pods = [] if isinstance(platform.api_servers, Unread) else platform.api_servers
    return any(_KUBEADM in (pod["metadata"].get("annotations") or {}) for pod in pods)
