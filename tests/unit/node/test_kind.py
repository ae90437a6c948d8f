"""The kind form of the node, which no test can run here: at least its parts fit together, and the chart's agent."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
FILE = ROOT / "tests" / "e2e" / "kind.yaml"
VALUES = ROOT / "charts" / "k10-auditwatch" / "values.yaml"


@pytest.fixture(scope="module")
def node() -> dict[str, Any]:
    """The only node."""
    (only,) = yaml.safe_load(FILE.read_text())["nodes"]
    return dict(only)


@pytest.fixture(scope="module")
def apiserver(node: dict[str, Any]) -> dict[str, Any]:
    """What kubeadm is told of kube-apiserver."""
    (patch,) = node["kubeadmConfigPatches"]
    return dict(yaml.safe_load(patch)["apiServer"])


def _flag(apiserver: dict[str, Any], name: str) -> PurePosixPath:
    return PurePosixPath(next(each["value"] for each in apiserver["extraArgs"] if each["name"] == name))


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
    assert all(isinstance(each["value"], str) for each in apiserver["extraArgs"])
