"""The configuration files of a node's components, as values.

Unusual in them: pods find no registry, the machine's rights are not assumed to be complete (a container may not be
given a lower OOM score without CAP_SYS_RESOURCE), and cgroups are of version 1 where the machine's are.
"""

import json
from pathlib import Path
from typing import Any

from tests.cluster.node.namespaces import ADDRESS

PODS = "10.244.0.0/16"
DNS = "10.96.0.10"
SOCKET = "/run/containerd/containerd.sock"
PAUSE = "localhost/pause:1"
_CRI = "io.containerd.grpc.v1.cri"


def containerd(directory: Path) -> str:
    """For containerd 1.6, in its own language (TOML)."""
    return f"""\
version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
[grpc]
  address = "{SOCKET}"
[plugins."{_CRI}"]
  sandbox_image = "{PAUSE}"
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."{_CRI}".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{directory}/cni"
  [plugins."{_CRI}".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."{_CRI}".containerd.runtimes.runc.options]
      SystemdCgroup = false
"""


def cni() -> str:
    """A bridge with addresses of its own, and ports of the node for pods that ask for one."""
    ranges = [[{"subnet": "10.244.0.0/24"}]]
    bridge = {
        "type": "bridge",
        "bridge": "cni0",
        "isGateway": True,
        "ipMasq": True,
        "hairpinMode": True,
        "ipam": {"type": "host-local", "ranges": ranges, "routes": [{"dst": "0.0.0.0/0"}]},
    }
    plugins = [bridge, {"type": "portmap", "capabilities": {"portMappings": True}}]
    return json.dumps({"cniVersion": "0.4.0", "name": "pods", "plugins": plugins})


def kubelet(*, pki: Path, cgroup: str) -> str:
    """Its configuration object (JSON, which is YAML)."""
    content: dict[str, Any] = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "containerRuntimeEndpoint": f"unix://{SOCKET}",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{cgroup}",
        "failCgroupV1": False,
        "failSwapOn": False,
        "oomScoreAdj": 0,
        "imagePullCredentialsVerificationPolicy": "NeverVerify",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": f"{pki}/ca.crt"},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": f"{pki}/node.crt",
        "tlsPrivateKeyFile": f"{pki}/node.key",
        "clusterDomain": "cluster.local",
        "clusterDNS": [DNS],
        "resolvConf": "",
        "volumePluginDir": "/var/lib/flex",
        "evictionHard": dict.fromkeys(("nodefs.available", "imagefs.available", "nodefs.inodesFree"), "1%"),
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        # A test waits for what it mounts: ConfigMaps and tokens that change reach pods within seconds.
        "syncFrequency": "5s",
        "configMapAndSecretChangeDetectionStrategy": "Watch",
    }
    return json.dumps(content)


def kube_proxy(*, kubeconfig: Path, node: str) -> str:
    """Its configuration object; the connection tracker's limits belong to the machine and stay as they are."""
    content = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clientConnection": {"kubeconfig": str(kubeconfig)},
        "clusterCIDR": PODS,
        "hostnameOverride": node,
        "oomScoreAdj": 0,
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
    }
    return json.dumps(content)


def corefile(kubeconfig: Path, context: str) -> str:
    """CoreDNS serves names of the cluster on the node's address, and knows no others."""
    return f"""\
.:53 {{
  errors
  ready {ADDRESS}:8181
  kubernetes cluster.local in-addr.arpa {{
    kubeconfig {kubeconfig} {context}
  }}
  cache 5
}}
"""
