"""Fixtures and options for every kind of test: how long the torture is, and how long the whole run may take."""

from __future__ import annotations

import time

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")  # a property is judged by what it says: a busy machine must not fail it

pytest_plugins = [
    "tests.cluster.fixtures",
    "tests.cluster.node.fixtures",
    "tests.k10.fixtures",
    "tests.live.fixtures",
    "tests.images.fixtures",
]

SHORT, LONG = (200, 6), (2_000, 60)
"""Changes made, and times the operator is killed."""
READERS_SHORT, READERS_LONG = (20_000, 50), (400_000, 1_000)
"""Requests that come in, and times each of their readers is killed."""
_BEGUN = pytest.StashKey[float]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--long``: torture of up to an hour instead of minutes. ``--minutes``: an end for a run with a time limit.

    ``--kills``: any other number, for those who kill readers.
    """
    parser.addoption("--long", action="store_true", help="the long form of the torture (about an hour), and all of e2e")
    parser.addoption("--kills", type=int, help="kill the readers of the audit log this often, 400 requests each")
    parser.addoption("--minutes", type=float, help="skip, and say so, what has not begun this long after the start")


def pytest_configure(config: pytest.Config) -> None:
    """The clock of ``--minutes``."""
    config.stash[_BEGUN] = time.monotonic()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What is marked ``e2e`` runs with ``--long`` only."""
    if config.getoption("--long"):
        return
    left_out = [item for item in items if item.get_closest_marker("e2e")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what ``--minutes`` leaves no time for, before its fixtures start anything."""
    minutes = item.config.getoption("--minutes")
    if minutes is not None and time.monotonic() - item.config.stash[_BEGUN] > minutes * 60:
        pytest.skip(f"not run: the {minutes:g} minutes given by --minutes were over")


@pytest.fixture
def torture_size(request: pytest.FixtureRequest) -> tuple[int, int]:
    """(changes, kills) of this run."""
    return LONG if request.config.getoption("--long") else SHORT


@pytest.fixture
def readers_size(request: pytest.FixtureRequest) -> tuple[int, int]:
    """(requests, kills) of this run."""
    if kills := request.config.getoption("--kills"):
        return 400 * kills, kills
    return READERS_LONG if request.config.getoption("--long") else READERS_SHORT
