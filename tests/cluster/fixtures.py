"""The test cluster as pytest fixtures, loaded by `tests/conftest.py`.

`control_plane` is shared by the whole run: a test that uses it makes its own
namespaces and leaves the API server alone. `new_control_plane` starts another one
for tests that restart it, fill its audit log or need special flags.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.cluster import build
from tests.cluster.audit import Audit
from tests.cluster.controlplane import ControlPlane


class NewControlPlane(Protocol):
    """Starts a control plane that is stopped when the test ends."""

    def __call__(
        self,
        *,
        audit: Audit | None = None,
        apiserver_flags: tuple[str, ...] = (),
        with_controller_manager: bool = True,
    ) -> ControlPlane: ...


@pytest.fixture(scope="session")
def kubernetes_binary(request: pytest.FixtureRequest) -> Path:
    """The built binary; a first build shows its progress in spite of pytest's capture."""
    capture: Any = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        return build.kubernetes_binary()


@pytest.fixture(scope="session")
def control_plane(kubernetes_binary: Path) -> Iterator[ControlPlane]:
    """One control plane for all tests that only use it."""
    with ControlPlane(binary=kubernetes_binary) as started:
        yield started


@pytest.fixture
def new_control_plane(kubernetes_binary: Path) -> Iterator[NewControlPlane]:
    """A factory of control planes that belong to one test."""
    with ExitStack() as stack:

        def start(
            *,
            audit: Audit | None = None,
            apiserver_flags: tuple[str, ...] = (),
            with_controller_manager: bool = True,
        ) -> ControlPlane:
            return stack.enter_context(
                ControlPlane(
                    audit=audit,
                    apiserver_flags=apiserver_flags,
                    with_controller_manager=with_controller_manager,
                    binary=kubernetes_binary,
                )
            )

        yield start
