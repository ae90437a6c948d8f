"""The configuration, command lines and namespaces of a node, as values."""

import json
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.cluster.node import components, configuration, namespaces

OWN = Path("/own")


def test_a_container_is_never_given_a_lower_oom_score() -> None:
    """Without CAP_SYS_RESOURCE no pod would start."""
    cri = tomllib.loads(configuration.containerd(OWN))["plugins"]["io.containerd.grpc.v1.cri"]

    assert cri["restrict_oom_score_adj"] is True
    assert cri["sandbox_image"] == configuration.PAUSE
    assert cri["cni"]["conf_dir"] == "/own/cni"
    assert cri["containerd"]["runtimes"]["runc"]["options"]["SystemdCgroup"] is False


def test_the_kubelet_stays_in_its_cgroup_and_asks_who_calls() -> None:
    settings = json.loads(configuration.kubelet(pki=Path("/pki"), cgroup="k10node-1"))

    assert (settings["cgroupRoot"], settings["cgroupDriver"]) == ("/k10node-1", "cgroupfs")
    assert settings["authentication"]["anonymous"] == {"enabled": False}
    assert settings["authorization"] == {"mode": "Webhook"}
    assert settings["containerRuntimeEndpoint"] == f"unix://{configuration.SOCKET}"
    assert settings["clusterDNS"] == [configuration.DNS]


def test_kube_proxy_leaves_the_machines_limits_alone() -> None:
    settings = json.loads(configuration.kube_proxy(kubeconfig=Path("/pki/proxy"), node="n"))

    assert not any(int(str(value).rstrip("s")) for value in settings["conntrack"].values())
    assert settings["mode"] == "nftables"


def test_pods_get_addresses_of_the_range_the_node_tells() -> None:
    [bridge, _] = json.loads(configuration.cni())["plugins"]

    assert bridge["ipam"]["ranges"][0][0]["subnet"].split("/")[0] == configuration.PODS.split("/")[0]


def test_names_outside_the_cluster_are_not_looked_up() -> None:
    assert "forward" not in configuration.corefile(Path("/pki/dns"), "dns@test")


def test_the_script_of_the_first_process_is_one_a_shell_can_read() -> None:
    done = subprocess.run(["bash", "-n", "-c", namespaces.script(OWN)], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")


def test_sysctls_are_shown_to_the_kubelet_and_never_written() -> None:
    lines = namespaces.script(OWN).splitlines()

    for path, value in namespaces.SYSCTLS.items():
        [line] = [line for line in lines if line.endswith(f"/proc/sys/{path}")]
        assert line.startswith(f"echo {value} > /run/shown/")
        assert f"mount --bind /run/shown/{path.replace('/', '.')} /proc/sys/" in line


def test_the_node_has_parts_of_var_for_itself_and_one_place_for_the_audit_log() -> None:
    script = namespaces.script(OWN)

    for part in namespaces.OWN:
        assert f"mount --bind /own/var/{part} /var/{part}\n" in script
    assert "mount --bind /own/audit /var/log/kubernetes/audit\n" in script
    assert script.index("/own/var/log") < script.index("/own/audit")


def test_nothing_of_the_node_outlives_its_first_process() -> None:
    assert {"--kill-child", "--fork", "--pid"} <= set(namespaces.UNSHARE)
    assert namespaces.start_command(OWN)[-3:-1] == ["bash", "-c"]


def test_a_program_beside_the_node_is_in_its_network_only() -> None:
    assert namespaces.beside(7, ["x"]) == ["nsenter", "--net=/proc/7/ns/net", "x"]
    assert {"--mount", "--net", "--pid"} <= set(namespaces.inside(7, ["x"]))


@pytest.mark.parametrize("kind", ["Service", "EndpointSlice", "StorageClass", "PersistentVolume"])
def test_a_new_cluster_has_names_and_volumes(kind: str) -> None:
    found = [each for each in components.furniture() if each["kind"] == kind]

    assert len(found) == (components.VOLUMES if kind == "PersistentVolume" else 1)


def test_each_volume_has_a_folder_that_is_there_before_it() -> None:
    volumes = [each for each in components.furniture() if each["kind"] == "PersistentVolume"]
    folders = [f"/{disk.relative_to('/own')}" for disk in components.disks(Path("/own/var"))]

    assert [volume["spec"]["hostPath"]["path"] for volume in volumes] == folders


def test_the_kubelet_has_no_taint_and_the_name_its_certificate_has() -> None:
    command = components.kubelet(OWN, Path("/pki/kubelet"))

    assert f"--hostname-override={namespaces.NAME}" in command
    assert not any("taint" in each for each in command)
