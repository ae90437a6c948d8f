"""Real journals in real files; time, ids and keys are the test's."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from auditwatch.journal.journal import Journal


class Clock:
    """A clock that stands still until the test moves it."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


OpenJournal = Callable[..., Journal]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the journal is to be; its directory does not exist yet."""
    return tmp_path / "state" / "journal.db"


@pytest.fixture
def open_journal(path: Path, clock: Clock) -> Iterator[OpenJournal]:
    """Opens the journal at ``path``; every opening would get another id. What is left open is closed at the end."""
    ids = (f"journal-{number}" for number in itertools.count(1))
    with ExitStack() as stack:

        def open_one(at: Path = path, **more: int) -> Journal:
            journal = Journal.open(at, clock=clock, new_id=lambda: next(ids), new_key=lambda: b"k" * 32, **more)
            stack.callback(journal.close)
            return journal

        yield open_one


@pytest.fixture
def journal(open_journal: OpenJournal) -> Journal:
    """A new journal, open."""
    return open_journal()


def fill(journal: Journal, rows: int, *, size: int = 10) -> None:
    """Receive and settle that many rows, with payloads of ``size`` bytes."""
    first = journal.last_sequence()
    with journal.transaction():
        for number in range(first + 1, first + rows + 1):
            journal.receive(key=f"fill-{number}", source="state", payload=b"x" * size)
        waiting = journal.unsettled(limit=rows)
        journal.settle(inbox=[row.sequence for row in waiting], rows=[row.payload for row in waiting])
