"""The node as a pytest fixture: shared by the whole run, or a SKIP that says what is missing and how to get it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.node import requirements
from tests.cluster.node.node import Node
from tests.cluster.skipping import skipped_where_impossible
from tests.k10.pods import K10InPods


@pytest.fixture(scope="session")
def able_machine() -> None:
    """Whoever needs this needs a machine that can run a node."""
    with skipped_where_impossible("no node can be started here"):
        requirements.check()


@pytest.fixture(scope="session")
def node(able_machine: None, kubernetes_binary: Path) -> Iterator[Node]:  # noqa: ARG001 - it has nothing to say but yes
    """One node for all tests that only use it, with an audit log; its parts may be restarted."""
    with Node(binary=kubernetes_binary) as started:
        yield started


@pytest.fixture(scope="session")
def k10_in_pods(node: Node, k10apis_binary: Path) -> K10InPods:
    """K10 on that node."""
    assert k10apis_binary.exists()
    return K10InPods(node).start()
