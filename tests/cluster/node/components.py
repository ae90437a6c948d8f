"""The command lines of what a node has beside a control plane, and what is applied to a new cluster for it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.cluster.node.configuration import DNS, PODS
from tests.cluster.node.namespaces import ADDRESS, NAME

SERVICES = "10.96.0.0/16"
VOLUMES = 40
"""So many claims find a volume; each is used once, and all long tests share a node."""
DNS_PORTS = (("dns", "UDP"), ("dns-tcp", "TCP"))


def apiserver() -> list[str]:
    """Flags that make pods find kube-apiserver, over those of a control plane without pods."""
    return ["--bind-address=0.0.0.0", f"--advertise-address={ADDRESS}", "--endpoint-reconciler-type=lease"]


def controller_manager() -> list[str]:
    """Flags over those of a control plane without pods."""
    return [
        "--allocate-node-cidrs=true",
        f"--cluster-cidr={PODS}",
        f"--service-cluster-ip-range={SERVICES}",
        "--flex-volume-plugin-dir=/var/lib/flex",
    ]


def scheduler(kubeconfig: Path) -> list[str]:
    """With the rights of ``system:kube-scheduler``."""
    return [
        "kube-scheduler",
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        "--leader-elect=false",
    ]


def kubelet(directory: Path, kubeconfig: Path) -> list[str]:
    """Labelled as kubeadm labels a control-plane node, and without its taint: there is no other node."""
    return [
        "kubelet",
        f"--config={directory}/kubelet.yaml",
        f"--kubeconfig={kubeconfig}",
        f"--node-ip={ADDRESS}",
        f"--hostname-override={NAME}",
        "--root-dir=/var/lib/kubelet",
        "--cert-dir=/var/lib/kubelet/pki",
    ]


def containerd(directory: Path) -> list[str]:
    """Debian's."""
    return ["containerd", f"--config={directory}/containerd.toml"]


def kube_proxy(directory: Path) -> list[str]:
    """Of the one binary."""
    return ["kube-proxy", f"--config={directory}/kube-proxy.yaml"]


def coredns(directory: Path) -> list[str]:
    """Of the one binary."""
    return ["coredns", "-conf", f"{directory}/Corefile"]


def furniture() -> list[dict[str, Any]]:
    """What every cluster has and no component brings: names for services, and volumes for claims."""
    return [*_dns(), *storage()]


def storage() -> list[dict[str, Any]]:
    """A class that claims fall to, and volumes of it in folders of the node."""
    return [_storage_class(), *(_volume(number) for number in range(VOLUMES))]


def _dns() -> list[dict[str, Any]]:
    ports = [{"name": name, "port": 53, "protocol": protocol} for name, protocol in DNS_PORTS]
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "kube-dns", "namespace": "kube-system"},
        "spec": {"clusterIP": DNS, "ports": ports},
    }
    labels = {"kubernetes.io/service-name": "kube-dns"}
    slice_ = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "kube-dns-node", "namespace": "kube-system", "labels": labels},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [ADDRESS], "conditions": {"ready": True}}],
        "ports": ports,
    }
    return [service, slice_]


def _storage_class() -> dict[str, Any]:
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "standard", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": "kubernetes.io/no-provisioner",
        "volumeBindingMode": "WaitForFirstConsumer",
    }


def _volume(number: int) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"disk-{number}"},
        "spec": {
            "storageClassName": "standard",
            "capacity": {"storage": "20Gi"},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "hostPath": {"path": f"/var/lib/disks/{number}", "type": "Directory"},
        },
    }


def disks(var: Path) -> Sequence[Path]:
    """The folders behind the volumes, below the node's /var; any user may write there, as fsGroup would see to."""
    return [var / "lib" / "disks" / str(number) for number in range(VOLUMES)]
