"""What the demo says to kind, and what it says to a person where kind cannot do it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.demo import kind_cluster

KUBECONFIG = Path("/somewhere/kubeconfig")
UNPULLED = 'ERROR: failed to create cluster: failed to pull image "kindest/node:v1": exit status 1'


@pytest.mark.parametrize("environment", [{}, {"DEMO_KIND_IMAGE": ""}, {"DEMO_KIND_IMAGE": " "}])
def test_without_a_wish_the_node_image_is_kinds_own(environment: dict[str, str]) -> None:
    command = kind_cluster.create_command(KUBECONFIG, environment)

    assert not [option for option in command if option.startswith("--image")]


def test_a_node_image_that_is_named_is_the_one_that_is_taken() -> None:
    command = kind_cluster.create_command(KUBECONFIG, {"DEMO_KIND_IMAGE": "localhost/node:1"})

    assert command[:3] == ["kind", "create", "cluster"]
    assert "--image=localhost/node:1" in command


def test_the_users_own_kubeconfig_is_left_alone() -> None:
    assert f"--kubeconfig={KUBECONFIG}" in kind_cluster.create_command(KUBECONFIG, {})


def test_where_no_image_can_be_pulled_the_way_out_is_said() -> None:
    said = kind_cluster.explained(UNPULLED)

    assert said.startswith(UNPULLED)
    assert "DEMO_KIND_IMAGE" in said


def test_any_other_complaint_is_kinds_own() -> None:
    assert kind_cluster.explained("ERROR: port is already allocated") == "ERROR: port is already allocated"
