"""More backups than are remembered: what was read is not read again, and nothing is passed over to achieve that.

kube-apiserver keeps every backup where ``--audit-log-maxbackup`` is 0, its default.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from auditwatch.sources.file import rotation
from tests.unit.sources.file.making import Log, Watcher, backup_name, compress, doubled, event, expected

KEPT = 40
MANY = 100
LONG = 120
"""Steps after which so many were read."""
YESTERDAY = 1_767_139_200.0


@pytest.fixture(autouse=True)
def _a_short_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation, "FILES_KEPT", KEPT)


def backup(path: Path, number: int) -> Path:
    """A backup that nobody writes to any more: one event."""
    made = path.with_name(backup_name(path, number))
    made.write_bytes(event(number) + b"\n")
    os.utime(made, (YESTERDAY, YESTERDAY))
    return made


def begun(path: Path, count: int) -> Watcher:
    """Of so many backups, all read."""
    for number in range(count):
        backup(path, number)
    Log(path).close()
    watcher = Watcher(path)
    watcher.step(LONG)
    assert sorted(watcher.numbers, key=int) == expected(count)
    return watcher


def test_backups_that_are_too_many_to_be_remembered_are_not_read_again_by_the_next_start(path: Path) -> None:
    watcher = begun(path, MANY)

    watcher.restart()
    watcher.step(LONG)

    assert doubled(watcher.numbers) == set()
    assert watcher.position is not None
    assert len(watcher.position.files) <= KEPT + 1


def test_what_comes_behind_them_is_read_by_this_start_and_by_the_next(path: Path) -> None:
    watcher = begun(path, MANY)

    backup(path, MANY)
    watcher.step(LONG)
    watcher.restart()
    backup(path, MANY + 1)
    watcher.step(LONG)

    assert watcher.numbers[-2:] == [str(MANY), str(MANY + 1)]
    assert doubled(watcher.numbers) == set()


def test_one_among_them_that_could_not_be_opened_is_read_once_it_can(path: Path) -> None:
    for number in range(MANY):
        backup(path, number)
    held = path.with_name(backup_name(path, 3))
    aside = held.rename(path.with_name("aside"))
    held.symlink_to("nowhere")  # is no regular file: nobody can say what was in it
    Log(path).close()
    watcher = Watcher(path)
    watcher.step(LONG)

    held.unlink()
    aside.rename(held)
    watcher.restart()
    watcher.step(LONG)

    assert sorted(watcher.numbers, key=int) == expected(MANY)


def test_backups_compressed_while_nobody_read_are_known_again_though_others_wait(path: Path) -> None:
    count, more = KEPT - 1, 40
    watcher = begun(path, count)
    for number in range(count):
        compress(path.with_name(backup_name(path, number)))
    for number in range(count, count + more):
        backup(path, number)

    watcher.restart()
    watcher.step(LONG)

    assert sorted(watcher.numbers, key=int) == expected(count + more)
