"""What a node's components are told: complete, readable by them, and nothing of the machine's is changed by it."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from tests.cluster.node import components, configuration, namespaces

OWN = Path("/tmp/node")  # noqa: S108 - a name, nothing is written


def test_containerd_finds_its_network_and_never_lowers_an_oom_score() -> None:
    settings = tomllib.loads(configuration.containerd(OWN))
    cri = settings["plugins"]["io.containerd.grpc.v1.cri"]

    assert cri["restrict_oom_score_adj"] is True
    assert cri["cni"]["conf_dir"] == f"{OWN}/cni"
    assert cri["sandbox_image"] == configuration.PAUSE
    assert settings["grpc"]["address"] == configuration.SOCKET


def test_the_kubelet_asks_the_api_server_who_may_use_it_and_stays_in_its_cgroup() -> None:
    settings = json.loads(configuration.kubelet(pki=OWN, cgroup="k10node-1"))

    assert settings["authentication"]["anonymous"]["enabled"] is False
    assert settings["authorization"]["mode"] == "Webhook"
    assert settings["cgroupRoot"] == "/k10node-1"
    assert settings["containerRuntimeEndpoint"] == f"unix://{configuration.SOCKET}"


def test_kube_proxy_leaves_the_machines_connection_tracker_alone() -> None:
    tracker = json.loads(configuration.kube_proxy(kubeconfig=OWN, node="n"))["conntrack"]

    assert set(tracker.values()) == {0, "0s"}


def test_names_of_services_are_asked_of_the_node() -> None:
    service, addresses = components.furniture()[:2]

    assert service["spec"]["clusterIP"] == configuration.DNS
    assert addresses["endpoints"][0]["addresses"] == [namespaces.ADDRESS]
    assert f"ready {namespaces.ADDRESS}" in configuration.corefile(OWN, "admin@test")


def test_every_volume_has_a_folder_of_the_node_behind_it() -> None:
    volumes = [each for each in components.furniture() if each["kind"] == "PersistentVolume"]
    behind = {f"/{path.relative_to(OWN)}" for path in components.disks(OWN / "var")}

    assert {each["spec"]["hostPath"]["path"] for each in volumes} == behind


def test_settings_of_the_machine_are_shown_to_the_kubelet_and_not_changed() -> None:
    script = namespaces.script(OWN)
    written = set(re.findall(r"> /proc/sys/(\S+)", script))

    assert written == {"net/ipv4/ip_forward"}, "of a network namespace each its own; the others are the machine's"
    for setting in namespaces.SYSCTLS:
        assert re.search(rf"mount --bind \S+ /proc/sys/{setting}$", script, re.MULTILINE)


def test_only_what_belongs_to_the_node_is_mounted_over_the_machines_folders() -> None:
    over = re.findall(r"mount --bind (\S+) (/var/\S+|/run\S*)", namespaces.script(OWN))

    assert over
    assert all(source.startswith(f"{OWN}/") for source, _ in over)


def test_pods_get_addresses_of_the_range_the_node_tells() -> None:
    [bridge, _] = json.loads(configuration.cni())["plugins"]

    assert bridge["ipam"]["ranges"][0][0]["subnet"].split("/")[0] == configuration.PODS.split("/")[0]


def test_names_outside_the_cluster_are_not_looked_up() -> None:
    assert "forward" not in configuration.corefile(Path("/pki/dns"), "dns@test")


@pytest.mark.parametrize("kind", ["Service", "EndpointSlice", "StorageClass", "PersistentVolume"])
def test_a_new_cluster_has_names_and_volumes(kind: str) -> None:
    found = [each for each in components.furniture() if each["kind"] == kind]

    assert len(found) == (components.VOLUMES if kind == "PersistentVolume" else 1)


def test_the_kubelet_has_no_taint_and_the_name_its_certificate_has() -> None:
    command = components.kubelet(OWN, Path("/pki/kubelet"))

    assert f"--hostname-override={namespaces.NAME}" in command
    assert not any("taint" in each for each in command)
