"""Where the demo happens is chosen by rules a reader can check; nothing of the user is touched but by its name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.errors import ClusterError
from tests.demo import choosing, probing
from tests.demo.choosing import Machine, choose

HAS_ALL = Machine()
PACKAGES = ("containerd", "runc")
LACKS_PACKAGES = Machine(missing=PACKAGES, no_kind="Docker is not installed")
IS_POOR = Machine(no_node="a node needs root", no_kind="no Docker daemon answers", context="production")


def test_a_machine_that_can_run_a_node_runs_one_even_where_docker_is() -> None:
    choice = choose({}, HAS_ALL)

    assert (choice.place, choice.installs, choice.hint) == ("node", (), "")
    assert "everything it takes is here" in choice.reason


def test_missing_packages_are_installed_only_with_yes_and_named_first() -> None:
    choice = choose({"YES": "1"}, LACKS_PACKAGES)

    assert (choice.place, choice.installs) == ("node", PACKAGES)
    assert choosing.install_command(choice.installs).endswith("install --yes --no-install-recommends containerd runc")


@pytest.mark.parametrize("answer", ["", "0", "yes"])
def test_without_yes_nothing_is_installed_and_the_command_is_said(answer: str) -> None:
    choice = choose({"YES": answer}, LACKS_PACKAGES)

    assert (choice.place, choice.installs) == ("controlplane", ())
    assert "YES=1" in choice.hint
    assert choosing.install_command(PACKAGES) in choice.hint


def test_kind_is_taken_where_no_node_can_run_and_docker_answers() -> None:
    choice = choose({}, Machine(no_node="a node needs root"))

    assert choice.place == "kind"
    assert choice.hint == "for a whole node: a node needs root"


def test_packages_that_nobody_may_install_here_leave_kind_before_the_control_plane() -> None:
    assert choose({}, Machine(missing=PACKAGES)).place == "kind"


def test_any_other_machine_gets_the_control_plane_and_never_the_current_context() -> None:
    choice = choose({}, IS_POOR)

    assert choice.place == "controlplane"
    assert choice.hint == "for a whole node: a node needs root"


def test_yes_does_not_help_where_packages_cannot_be_installed() -> None:
    machine = replace(LACKS_PACKAGES, can_install=False)

    assert choose({"YES": "1"}, machine).place == "controlplane"
    with pytest.raises(ClusterError, match="apt-get is not here"):
        choose({"YES": "1", "DEMO": "node"}, machine)


@pytest.mark.parametrize("place", ["node", "kind", "controlplane"])
def test_what_is_asked_for_is_taken(place: str) -> None:
    choice = choose({"DEMO": place.upper()}, HAS_ALL)

    assert (choice.place, choice.reason) == (place, f"DEMO={place}")


@pytest.mark.parametrize(
    ("environment", "machine", "words"),
    [
        ({"DEMO": "node"}, IS_POOR, "a node needs root"),
        ({"DEMO": "node"}, LACKS_PACKAGES, "containerd runc"),
        ({"DEMO": "kind"}, IS_POOR, "no Docker daemon answers"),
        ({"DEMO": "minikube"}, HAS_ALL, "one of node, kind, controlplane, current"),
    ],
)
def test_what_cannot_be_had_is_refused_with_the_reason(environment: Any, machine: Machine, words: str) -> None:
    with pytest.raises(ClusterError, match=words):
        choose(environment, machine)


def test_the_current_cluster_is_taken_only_where_its_context_is_named() -> None:
    assert choose({"DEMO": "current", "DEMO_CONTEXT": "production"}, IS_POOR).place == "current"


@pytest.mark.parametrize("named", ["", "staging", "PRODUCTION"])
def test_the_current_cluster_is_refused_where_its_context_is_not_named(named: str) -> None:
    with pytest.raises(ClusterError, match=r"current context is production; .*DEMO_CONTEXT=production"):
        choose({"DEMO": "current", "DEMO_CONTEXT": named}, IS_POOR)


def test_a_kubeconfig_without_a_current_context_is_told_how_to_have_one() -> None:
    with pytest.raises(ClusterError, match="kubectl config use-context"):
        choose({"DEMO": "current", "DEMO_CONTEXT": ""}, HAS_ALL)


def test_naming_a_context_alone_chooses_nothing() -> None:
    assert choose({"DEMO_CONTEXT": "production"}, IS_POOR).place == "controlplane"


def test_the_context_is_read_without_asking_the_cluster(tmp_path: Path) -> None:
    kubectl = tmp_path / "kubectl"
    kubectl.write_text('#!/bin/sh\n[ "$1 $2" = "config view" ] && echo \'{"current-context": "production"}\'\n')
    kubectl.chmod(0o755)

    assert probing.context(kubectl) == "production"


def test_a_kubeconfig_that_cannot_be_read_has_no_context(tmp_path: Path) -> None:
    kubectl = tmp_path / "kubectl"
    kubectl.write_text("#!/bin/sh\nexit 1\n")
    kubectl.chmod(0o755)

    assert probing.context(kubectl) == ""
