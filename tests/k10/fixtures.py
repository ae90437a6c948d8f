"""The stand-in as pytest fixtures."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import build
from tests.cluster.audit import Audit
from tests.cluster.controlplane import ControlPlane
from tests.k10.standin import K10StandIn


@pytest.fixture(scope="session")
def k10apis_binary(request: pytest.FixtureRequest) -> Path:
    """The built binary; a first build shows its progress in spite of pytest's capture."""
    capture: Any = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        return build.k10apis_binary()


@pytest.fixture(scope="session")
def k10(kubernetes_binary: Path, k10apis_binary: Path) -> Iterator[K10StandIn]:
    """K10 on a control plane of its own with an audit log, for all tests that only use it."""
    with (
        ControlPlane(binary=kubernetes_binary, audit=Audit()) as cluster,
        K10StandIn(cluster, binary=k10apis_binary) as started,
    ):
        yield started
