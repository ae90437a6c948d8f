"""The kind form of the node: its parts fit together, and the chart's agent, for every version of kubeadm's settings."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
FILE = ROOT / "tests" / "e2e" / "kind.yaml"
PAGE = ROOT / "docs" / "how-to" / "audit-log-by-platform.md"
VALUES = ROOT / "charts" / "k10-auditwatch" / "values.yaml"


@pytest.fixture(scope="module")
def node() -> dict[str, Any]:
    """The only node."""
    (only,) = yaml.safe_load(FILE.read_text())["nodes"]
    return dict(only)


@pytest.fixture(scope="module")
def patches(node: dict[str, Any]) -> list[dict[str, Any]]:
    """Of the settings that kind writes."""
    return [yaml.safe_load(patch) for patch in node["kubeadmConfigPatches"]]


@pytest.fixture(scope="module", params=["v1beta3", "v1beta4"])
def apiserver(patches: list[dict[str, Any]], request: pytest.FixtureRequest) -> dict[str, Any]:
    """What kubeadm is told of kube-apiserver, by version of its settings."""
    (patch,) = (each for each in patches if each["apiVersion"] == f"kubeadm.k8s.io/{request.param}")
    assert patch["kind"] == "ClusterConfiguration"
    return dict(patch["apiServer"])


def _flags(apiserver: dict[str, Any]) -> dict[str, Any]:
    """A list since v1beta4, and a map before."""
    given = apiserver["extraArgs"]
    return dict(given) if isinstance(given, dict) else {each["name"]: each["value"] for each in given}


def _flag(apiserver: dict[str, Any], name: str) -> PurePosixPath:
    return PurePosixPath(_flags(apiserver)[name])


@pytest.mark.parametrize(("flag", "is_read_only"), [("audit-policy-file", True), ("audit-log-path", False)])
def test_the_api_servers_pod_has_the_folders_its_flags_name(
    apiserver: dict[str, Any], flag: str, *, is_read_only: bool
) -> None:
    folder = str(_flag(apiserver, flag).parent)
    (volume,) = (each for each in apiserver["extraVolumes"] if each["mountPath"] == folder)

    assert volume["hostPath"] == folder
    assert volume["readOnly"] is is_read_only


def test_the_policy_is_brought_to_the_node_where_the_api_server_reads_it(
    node: dict[str, Any], apiserver: dict[str, Any]
) -> None:
    (mount,) = node["extraMounts"]

    assert mount["containerPath"] == str(_flag(apiserver, "audit-policy-file"))


def test_the_log_is_where_the_charts_agent_looks_for_it(apiserver: dict[str, Any]) -> None:
    agent = yaml.safe_load(VALUES.read_text())["agent"]

    assert str(_flag(apiserver, "audit-log-path")) == agent["auditLog"]["path"]


def test_every_flag_is_text_as_kubeadm_wants_it(apiserver: dict[str, Any]) -> None:
    assert all(isinstance(value, str) for value in _flags(apiserver).values())


def test_both_versions_of_the_settings_say_the_same(patches: list[dict[str, Any]]) -> None:
    one, other = (each["apiServer"] for each in patches if each["kind"] == "ClusterConfiguration")

    assert _flags(one) == _flags(other)
    assert one["extraVolumes"] == other["extraVolumes"]


def test_kubelet_starts_on_cgroups_of_either_version(patches: list[dict[str, Any]]) -> None:
    (kubelet,) = (each for each in patches if each["kind"] == "KubeletConfiguration")

    assert kubelet["failCgroupV1"] is False


def test_the_page_about_kind_says_what_was_run(node: dict[str, Any], patches: list[dict[str, Any]]) -> None:
    """Of its own there is nothing but a shorter way to write it; names of volumes are anybody's."""
    section = PAGE.read_text().partition("## kind\n")[2].partition("\n## ")[0]
    (told,) = yaml.safe_load(section.partition("```yaml\n")[2].partition("```")[0])["nodes"]
    patch = yaml.safe_load(told["kubeadmConfigPatches"][0])
    (run,) = (each for each in patches if each["apiVersion"] == patch["apiVersion"])

    assert told["extraMounts"] == node["extraMounts"]
    assert _flags(patch["apiServer"]).items() <= _flags(run["apiServer"]).items()
    assert _unnamed(patch["apiServer"]) == _unnamed(run["apiServer"])


def _unnamed(apiserver: dict[str, Any]) -> list[dict[str, Any]]:
    return [{key: value for key, value in volume.items() if key != "name"} for volume in apiserver["extraVolumes"]]
