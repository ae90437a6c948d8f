"""More of a log than may be open at once: what waits is not called lost because it changes its name, and what went
before its turn is told, whatever its name was. Each test has the reader fall behind, or a look fall into a rotation.
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from auditwatch.sources.file.files import OPEN_FILES
from auditwatch.sources.file.habits import Habits
from tests.unit.sources.file.making import Log, Watcher, backup_name, compress, event, expected

LONG = 120
"""Steps after which every backup made here has had its turn."""


def fall_behind(log: Log, watcher: Watcher) -> None:
    """As many rotations as files may be open and some more, then one event: the live file has to wait."""
    for _ in range(OPEN_FILES + 4):
        log.events(1)
        log.rotate()
    log.events(1)
    watcher.step()
    assert watcher.tail._files.waiting[-1].name.is_live


def slow(path: Path, *, look: float = 0.25) -> Watcher:
    """Reads four events in a step."""
    return Watcher(path, habits=Habits(start="Beginning", budget=2000, look=look))


def plant_backups(path: Path, count: int) -> int:
    """Of a hundred events each, older than all that ``Log`` rotates from ``count`` rotations on."""
    for number in range(count):
        lines = (event(f"{number}-{line}") + b"\n" for line in range(100))
        path.with_name(backup_name(path, number)).write_bytes(b"".join(lines))
    return count * 100


def once_at(path: Path, happens: Callable[[], object]) -> Callable[[object], None]:
    """To be called with every path that is looked at: does it at the first look at ``path``."""
    once = [happens]

    def note(looked_at: object) -> None:
        if looked_at == path and once:
            once.pop()()

    return note


def at_the_listing_of(monkeypatch: pytest.MonkeyPatch, path: Path, happens: Callable[[], object]) -> None:
    note, really = once_at(path, happens), Path.lstat

    def lstat(looked_at: Path) -> os.stat_result:
        note(looked_at)
        return really(looked_at)

    monkeypatch.setattr(Path, "lstat", lstat)


def at_the_opening_of(monkeypatch: pytest.MonkeyPatch, path: Path, happens: Callable[[], object]) -> None:
    note, really = once_at(path, happens), os.open

    def guarded(name: Path, flags: int) -> int:
        note(name)
        return really(name, flags)

    monkeypatch.setattr("auditwatch.sources.file.content.os.open", guarded)


def test_a_live_file_that_waits_is_not_lost_when_a_look_falls_between_its_renaming_and_the_next_one(
    log: Log, watcher: Watcher
) -> None:
    fall_behind(log, watcher)
    log.rename()
    watcher.step()
    log.create()
    log.events(1)
    watcher.step(LONG)

    assert sorted(watcher.numbers, key=int) == expected(log.written)
    assert watcher.gaps == []


def test_a_live_file_that_waits_is_found_again_compressed(log: Log, watcher: Watcher) -> None:
    fall_behind(log, watcher)
    compress(log.rotate())
    log.events(1)
    watcher.step(LONG)

    assert sorted(watcher.numbers, key=int) == expected(log.written)
    assert watcher.gaps == []


def test_a_backup_that_waits_is_not_lost_when_it_is_compressed_amid_a_look(
    log: Log, watcher: Watcher, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fall_behind(log, watcher)
    plain = path.with_name(watcher.tail._files.waiting[0].name.text)
    at_the_listing_of(monkeypatch, plain, lambda: compress(plain))
    watcher.step(LONG)

    assert not plain.exists()
    assert sorted(watcher.numbers, key=int) == expected(log.written)
    assert watcher.gaps == []


def test_a_live_file_that_waits_and_is_rotated_away_is_told_with_all_that_came_after_it(
    log: Log, watcher: Watcher, path: Path
) -> None:
    fall_behind(log, watcher)
    seen = watcher.tail.figures.seen
    for _ in range(3):
        log.rotate()
        log.events(1)
    for backup in path.parent.glob("audit-*"):
        backup.unlink()
    watcher.step(LONG)

    assert watcher.numbers == [*expected(OPEN_FILES), str(log.written - 1)]
    assert watcher.reasons.count("HistoryLost") == 1
    told = next(gap for gap in watcher.gaps if gap.reason == "HistoryLost")
    assert "audit.log" in told.message
    assert told.start == pytest.approx(min(seen, told.end)), "nothing was proven to be seen since"
    assert watcher.reasons.count("BackupLost") == 4, "each of those that waited under a backup's name"


def test_a_live_file_that_waits_and_is_cut_is_told(log: Log, watcher: Watcher, path: Path) -> None:
    fall_behind(log, watcher)
    os.truncate(path, 0)
    watcher.step(LONG)

    assert watcher.numbers == expected(log.written - 1)
    assert watcher.reasons == ["HistoryLost"]


def test_a_restart_still_misses_a_live_file_that_waited(log: Log, watcher: Watcher) -> None:
    fall_behind(log, watcher)
    log.rotate().unlink()
    log.events(1)
    watcher.restart()
    watcher.step(LONG)

    assert watcher.numbers == [number for number in expected(log.written) if number != str(log.written - 2)]
    assert watcher.reasons == ["HistoryLost"]


def test_while_something_is_missing_it_is_not_said_that_all_was_seen(log: Log, watcher: Watcher) -> None:
    fall_behind(log, watcher)
    seen = watcher.tail.figures.seen
    log.rotate().unlink()
    log.events(1)
    while not watcher.gaps:
        assert watcher.tail.figures.seen == seen
        watcher.step()
    watcher.settle()

    assert watcher.tail.figures.seen > seen


def test_an_open_file_whose_compressed_copy_has_to_wait_was_not_removed(log: Log, path: Path) -> None:
    watcher = slow(path)
    log.events(1)
    watcher.step()
    planted = plant_backups(path, OPEN_FILES - 1)
    watcher.step(2)
    assert watcher.tail.figures.files_open == OPEN_FILES
    log.rotations = OPEN_FILES
    log.events(1)
    compress(log.rotate())
    log.events(1)
    watcher.step(planted)

    assert len(watcher.numbers) == planted + 3
    assert watcher.gaps == []


def test_after_a_restart_a_file_that_has_to_wait_is_not_missed(log: Log, path: Path) -> None:
    log.events(1)
    watcher = slow(path)
    watcher.step()
    planted = plant_backups(path, OPEN_FILES + 4)
    log.rotations = OPEN_FILES + 4
    compress(log.rotate())
    watcher.restart()
    watcher.step(planted)

    assert len(watcher.numbers) == planted + 1
    assert watcher.gaps == []


@pytest.mark.parametrize("look", [0.25, 0.8, 1.1, 1.3])
def test_a_file_whose_successor_went_unseen_is_not_let_go_of_before_that_is_told(
    log: Log, path: Path, look: float
) -> None:
    watcher = slow(path, look=look)
    log.events(3)
    watcher.step(3)
    backups = []
    for _ in range(3):
        backups.append(log.rotate())
        log.events(2)
    for backup in backups[:2]:
        backup.unlink()
    log.events(300)
    watcher.step(300)

    assert [number for number in expected(log.written) if number not in watcher.numbers] == ["3", "4"]
    assert watcher.reasons == ["LogRemoved"]


def test_a_file_that_a_look_missed_is_not_taken_for_seen(
    log: Log, watcher: Watcher, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.events(1)
    watcher.step()
    first = log.rotate()
    log.events(3)
    unseen: list[Path] = []
    at_the_listing_of(monkeypatch, path, lambda: unseen.append(log.rotate()))
    watcher.step()
    first.unlink()
    unseen[0].unlink()
    log.events(1)
    watcher.settle()

    assert watcher.numbers == ["0", "4"]
    assert watcher.reasons == ["HistoryLost"]


def test_a_backup_removed_at_the_moment_it_was_to_be_opened_is_a_gap(
    log: Log, watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.events(1)
    watcher.step()
    log.rotate()
    log.events(2)
    backup = log.rotate()
    log.events(1)
    at_the_opening_of(monkeypatch, backup, backup.unlink)
    watcher.settle()

    assert watcher.numbers == ["0", "3"]
    assert watcher.reasons == ["BackupLost"]
    assert backup.name in watcher.gaps[0].message


def test_a_copy_removed_before_it_was_ever_whole_is_a_gap(log: Log, watcher: Watcher) -> None:
    log.events(1)
    watcher.step()
    log.rotate()
    log.events(2)
    backup = log.rotate()
    begun = backup.with_name(backup.name + ".gz")
    begun.write_bytes(gzip.compress(backup.read_bytes())[:40])
    backup.unlink()
    log.events(1)
    watcher.step(4)
    begun.unlink()
    watcher.settle()

    assert watcher.numbers == ["0", "3"]
    assert watcher.reasons == ["BackupLost"]
