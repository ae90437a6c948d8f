"""What the tests of the file source share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.sources.file.making import Log, Watcher


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit.log"


@pytest.fixture
def log(path: Path) -> Iterator[Log]:
    made = Log(path)
    yield made
    made.close()


@pytest.fixture
def watcher(path: Path) -> Iterator[Watcher]:
    made = Watcher(path)
    yield made
    made.tail.close()
