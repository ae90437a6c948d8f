"""The operator as fixtures: one running beside the shared K10, or one of a test's own to kill and starve."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest

from tests.cluster.controlplane import ControlPlane
from tests.k10.standin import K10StandIn
from tests.live.installation import Installation


class NewInstallation(Protocol):
    """Installs an operator that ends with the test; it is not started yet."""

    def __call__(self, cluster: ControlPlane) -> Installation: ...


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


@pytest.fixture
def new_installation(tmp_path: Path) -> Iterator[NewInstallation]:
    """A factory of operators that belong to one test."""
    with ExitStack() as stack:

        def install(cluster: ControlPlane) -> Installation:
            installed = Installation(cluster, directory=tmp_path / "operator")
            installed.install()
            stack.callback(installed.stop)
            return installed

        yield install
