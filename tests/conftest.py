"""Fixtures and options for every kind of test: how long the torture is, and how long the whole run may take."""

from __future__ import annotations

import time

import pytest

pytest_plugins = [
    "tests.cluster.fixtures",
    "tests.cluster.node.fixtures",
    "tests.k10.fixtures",
    "tests.live.fixtures",
    "tests.images.fixtures",
]

SHORT, LONG = (200, 6), (2_000, 60)
"""Changes made, and times the operator is killed."""
READERS_SHORT, READERS_LONG = (2_000, 6), (20_000, 50)
"""Requests that come in, and times each of their readers is killed."""
_BEGUN = pytest.StashKey[float]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--long``: minutes of torture instead of seconds. ``--minutes``: an end for a run with a time limit.

    ``--kills``: hours of it, for those who kill readers.
    """
    parser.addoption("--long", action="store_true", help="the long form of the torture")
    parser.addoption("--kills", type=int, help="kill the readers of the audit log this often, 400 requests each")
    parser.addoption("--minutes", type=float, help="skip, and say so, what has not begun this long after the start")


def pytest_configure(config: pytest.Config) -> None:
    """The clock of ``--minutes``."""
    config.stash[_BEGUN] = time.monotonic()


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
