"""Fixtures that every kind of test may use, and the switch between the short and the long form of the torture."""

from __future__ import annotations

import pytest

pytest_plugins = ["tests.cluster.fixtures", "tests.k10.fixtures", "tests.live.fixtures"]

SHORT, LONG = (200, 6), (2_000, 60)
"""Changes made, and times the operator is killed."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--long``: minutes of torture instead of seconds."""
    parser.addoption("--long", action="store_true", help="the long form of the torture")


@pytest.fixture
def torture_size(request: pytest.FixtureRequest) -> tuple[int, int]:
    """(changes, kills) of this run."""
    return LONG if request.config.getoption("--long") else SHORT
