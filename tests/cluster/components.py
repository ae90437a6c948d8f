"""The command lines of a control plane's components, as values.

What is unusual in them: everything listens on loopback only, etcd does not wait for
the disk, and the endpoint reconciler is off because it refuses a loopback address.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

LOOPBACK = "127.0.0.1"
SERVER_HOSTS = ("localhost", LOOPBACK, "10.96.0.1", "kubernetes.default.svc", "kubernetes")
FRONT_PROXY_USER = "front-proxy-client"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where the components of one control plane listen."""

    etcd: int
    etcd_peer: int
    apiserver: int
    controller_manager: int


def etcd(*, ports: Ports, data: Path) -> list[str]:
    client = f"http://{LOOPBACK}:{ports.etcd}"
    peer = f"http://{LOOPBACK}:{ports.etcd_peer}"
    return [
        "etcd",
        f"--data-dir={data}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--unsafe-no-fsync=true",
        "--log-level=warn",
    ]


def apiserver(*, ports: Ports, pki: Path, tokens: Path, extra: Sequence[str]) -> list[str]:
    return [
        "kube-apiserver",
        f"--bind-address={LOOPBACK}",
        f"--advertise-address={LOOPBACK}",
        "--endpoint-reconciler-type=none",
        f"--secure-port={ports.apiserver}",
        f"--etcd-servers=http://{LOOPBACK}:{ports.etcd}",
        f"--tls-cert-file={pki}/apiserver.crt",
        f"--tls-private-key-file={pki}/apiserver.key",
        f"--client-ca-file={pki}/ca.crt",
        f"--token-auth-file={tokens}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
        "--service-cluster-ip-range=10.96.0.0/16",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={pki}/sa.pub",
        f"--service-account-signing-key-file={pki}/sa.key",
        *_aggregation(pki),
        *_kubelets(pki),
        *extra,
    ]


def controller_manager(*, ports: Ports, pki: Path, kubeconfig: Path) -> list[str]:
    return [
        "kube-controller-manager",
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        f"--bind-address={LOOPBACK}",
        f"--secure-port={ports.controller_manager}",
        f"--tls-cert-file={pki}/controller-manager-server.crt",
        f"--tls-private-key-file={pki}/controller-manager-server.key",
        "--use-service-account-credentials=true",
        f"--service-account-private-key-file={pki}/sa.key",
        f"--root-ca-file={pki}/ca.crt",
        f"--cluster-signing-cert-file={pki}/ca.crt",
        f"--cluster-signing-key-file={pki}/ca.key",
        "--leader-elect=false",
        # The end of a namespace is a few requests for each of a hundred kinds.
        "--kube-api-qps=200",
        "--kube-api-burst=400",
    ]


def _aggregation(pki: Path) -> list[str]:
    """How the API server proves to extension servers whom a request is from."""
    return [
        f"--requestheader-client-ca-file={pki}/front-proxy-ca.crt",
        f"--requestheader-allowed-names={FRONT_PROXY_USER}",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-uid-headers=X-Remote-Uid",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={pki}/{FRONT_PROXY_USER}.crt",
        f"--proxy-client-key-file={pki}/{FRONT_PROXY_USER}.key",
    ]


def _kubelets(pki: Path) -> list[str]:
    """How the API server reaches kubelets; node names need not resolve."""
    return [
        "--kubelet-preferred-address-types=InternalIP,Hostname",
        f"--kubelet-certificate-authority={pki}/ca.crt",
        f"--kubelet-client-certificate={pki}/kubelet-client.crt",
        f"--kubelet-client-key={pki}/kubelet-client.key",
    ]
