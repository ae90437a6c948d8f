"""The operator as fixtures: one running beside the shared K10, or one of a test's own to kill and starve."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.controlplane import ControlPlane
from tests.k10.standin import K10StandIn
from tests.live.installation import Installation


@pytest.fixture(scope="session")
def operator(k10: K10StandIn, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A running operator with one AuditWatch, for tests that only use it."""
    installed = Installation(k10.cluster, directory=tmp_path_factory.mktemp("operator"))
    installed.install()
    installed.start()
    try:
        installed.watch()
        installed.wait(lambda: installed.condition("Ready").get("status") == "True", what="the AuditWatch to be Ready")
        yield installed
    finally:
        installed.stop()


@pytest.fixture(scope="session")
def quiet_k10(kubernetes_binary: Path, k10apis_binary: Path) -> Iterator[K10StandIn]:
    """K10 on a control plane without an operator, for tests that bring their own."""
    with ControlPlane(binary=kubernetes_binary) as cluster, K10StandIn(cluster, binary=k10apis_binary) as started:
        yield started


@pytest.fixture
def installed(quiet_k10: K10StandIn, tmp_path: Path) -> Iterator[Installation]:
    """An operator of the test's own to kill and starve, not started yet; its traces end with the test."""
    installation = Installation(quiet_k10.cluster, directory=tmp_path / "operator")
    installation.install()
    try:
        yield installation
    finally:
        installation.stop()
        installation.clean_up()
