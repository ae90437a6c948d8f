"""What whole operators and source threads leave behind is cleared away by the test that ran them, by no later one."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator

import pytest

_WITH_THREADS = ("test_defaultwatch", "test_operating", "test_ingest", "test_receiving")
"""Their threads are ended within a bound, and on a busy machine a loop may end before a client of its own is closed.

At the end of a process that costs nothing; here the collector would tell of it in the middle of another test.
"""


@pytest.fixture(autouse=True)
def clear_away(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if request.module.__name__.endswith(_WITH_THREADS):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()
