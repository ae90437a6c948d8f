"""What a command sets for its whole process is taken back after each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Commands send logs to the standard error of their test, which is closed when the test ends."""
    yield
    structlog.reset_defaults()
