"""The demo goes to a cluster that runs already only where it breaks nothing, and where its images can get there."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.cluster.errors import ClusterError
from tests.demo import borrowing, chart, connection, kind_cluster, probing
from tests.demo.choosing import Place


@pytest.mark.parametrize(
    ("context", "command"),
    [
        ("kind-work", ("kind", "load", "image-archive", "{}", "--name", "work")),
        ("k3d-work", ("k3d", "image", "import", "{}", "--cluster", "work")),
        ("minikube", ("minikube", "image", "load", "{}", "--profile", "minikube")),
    ],
)
def test_known_tools_load_images_by_their_own_command(context: str, command: tuple[str, ...]) -> None:
    assert borrowing.loading(context, {}) == command


def test_a_command_that_is_given_goes_before_the_known_one() -> None:
    loads = borrowing.loading("kind-work", {"DEMO_LOAD": "ssh 'my node' ctr images import {}"})

    assert loads == ("ssh", "my node", "ctr", "images", "import", "{}")


@pytest.mark.parametrize("given", ["", "ctr images import"])
def test_a_cluster_whose_nodes_cannot_be_reached_is_refused_with_what_to_write(given: str) -> None:
    with pytest.raises(ClusterError, match=r"DEMO_LOAD.*\{\}"):
        borrowing.loading("production", {"DEMO_LOAD": given})


@pytest.mark.parametrize(
    ("namespaces", "definitions", "named"),
    [
        (["default", "kasten-io"], [], "kasten-io"),
        (["shop"], [], "shop"),
        (["k10-auditwatch"], [], "k10-auditwatch"),
        ([], ["policies.config.kio.kasten.io"], "policies.config.kio.kasten.io"),
        ([], ["k10securityfindings.k10auditwatch.io"], "k10securityfindings"),
    ],
)
def test_a_cluster_with_a_k10_or_an_operator_in_it_is_refused_by_what_it_has(
    namespaces: list[str], definitions: list[str], named: str
) -> None:
    with pytest.raises(ClusterError, match=named):
        borrowing.refuse_if_in_use(namespaces, definitions)


def test_a_cluster_with_nothing_of_that_kind_is_taken() -> None:
    borrowing.refuse_if_in_use(["default", "kube-system", "shopping"], ["certificates.cert-manager.io"])


@pytest.mark.parametrize(
    ("place", "way"), [("node", "all"), ("controlplane", "all"), ("kind", "file"), ("current", "none")]
)
def test_without_a_wish_everything_that_is_possible_there_is_connected(place: Place, way: str) -> None:
    assert connection.chosen({}, place) == way


@pytest.mark.parametrize("way", ["all", "webhook"])
@pytest.mark.parametrize("place", ["kind", "current"])
def test_the_api_server_of_a_cluster_that_is_not_ours_is_never_changed(place: Place, way: str) -> None:
    with pytest.raises(ClusterError, match="file or none"):
        connection.chosen({"DEMO_AUDIT": way}, place)


def test_the_configuration_of_kind_takes_the_policy_that_the_demo_writes_and_the_log_that_the_agent_reads() -> None:
    configured = yaml.safe_load(probing.KIND_CONFIGURATION.read_text())
    (node,) = configured["nodes"]
    values = yaml.safe_load((chart.REPOSITORY / chart.CHART / "values.yaml").read_text())

    assert [Path(mount["hostPath"]).name for mount in node["extraMounts"]] == [kind_cluster.POLICY]
    assert f"value: {values['agent']['auditLog']['path']}\n" in node["kubeadmConfigPatches"][0]
