"""Rotation: no event lost, none twice, in the order of each file (R01 to R05, R36 of the reliability matrix)."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import psutil
import pytest

from auditwatch.sources.file.habits import Habits
from tests.unit.sources.file.making import EPOCH, Log, Watcher, compress, event, expected


def test_r01_twenty_rotations_while_reading_lose_and_double_nothing(log: Log, watcher: Watcher) -> None:
    for _ in range(20):
        log.events(20)
        watcher.step()
        log.events(20)
        log.rotate()
        log.events(3)
        watcher.step(2)
    watcher.settle()

    assert sorted(watcher.numbers, key=int) == expected(20 * 43)
    assert watcher.gaps == []


def test_r01_each_file_comes_in_its_order(log: Log, watcher: Watcher) -> None:
    log.events(10)
    watcher.step()
    log.events(10)
    log.rotate()
    log.events(10)
    watcher.settle()

    assert watcher.numbers == expected(30)
    assert [file for file, _ in watcher.lines[:10]] == ["audit.log"] * 10


def test_r02_five_rotations_between_two_looks_are_read_oldest_first(log: Log, watcher: Watcher) -> None:
    log.events(5)
    watcher.step()
    for _ in range(5):
        log.events(5)
        log.rotate()
    log.events(5)
    watcher.settle()

    assert watcher.numbers == expected(35)


def test_r02_more_rotations_than_files_may_be_open_are_all_read(log: Log, watcher: Watcher) -> None:
    for _ in range(40):
        log.events(2)
        log.rotate()
    watcher.step(120)

    assert watcher.numbers == expected(80)
    assert watcher.tail.figures.files_open == 1


def test_r03_late_writes_to_a_renamed_file_are_read_however_late(log: Log, watcher: Watcher, path: Path) -> None:
    log.events(3)
    watcher.step()
    late = os.open(path, os.O_WRONLY | os.O_APPEND)
    log.rotate()
    os.write(late, event("late") + b"\n")
    log.events(1)
    watcher.step(3)
    assert watcher.numbers == ["0", "1", "2", "late", "3"]

    watcher.settle()
    assert watcher.tail.figures.files_open == 1, "let go of when quiet"
    os.write(late, event("later") + b"\n")
    watcher.settle()
    os.close(late)

    assert watcher.numbers == ["0", "1", "2", "late", "3", "later"]


def test_r03_a_file_that_still_grows_is_not_let_go_of(log: Log, watcher: Watcher, path: Path) -> None:
    log.events(1)
    watcher.step()
    late = os.open(path, os.O_WRONLY | os.O_APPEND)
    log.rotate().unlink()
    for number in range(20):
        os.write(late, event(f"late{number}") + b"\n")
        watcher.step(2)
    os.close(late)

    assert watcher.numbers == ["0", *(f"late{number}" for number in range(20))]


@pytest.mark.parametrize("read", [1, 30, 57])
def test_r04_a_file_compressed_while_nobody_read_goes_on_at_the_same_byte(
    log: Log, watcher: Watcher, read: int
) -> None:
    log.events(read)
    watcher.step()
    watcher.restart()
    log.events(60 - read)
    compress(log.rotate())
    log.events(5)
    watcher.settle()

    assert watcher.numbers == expected(65)
    assert watcher.gaps == []


def test_r04_a_file_compressed_while_it_is_held_open_is_not_read_again(log: Log, watcher: Watcher) -> None:
    log.events(50)
    watcher.step()
    log.events(5)
    compress(log.rotate())
    log.events(5)
    watcher.settle()
    watcher.restart()
    watcher.settle()

    assert watcher.numbers == expected(60)
    assert watcher.gaps == []


def test_r04_all_backups_are_compressed_and_only_what_is_new_is_read_after_a_restart(path: Path) -> None:
    log, watcher = Log(path, compress=True), Watcher(path)
    for _ in range(6):
        log.events(30)
        log.rotate()
        watcher.step(3)
    watcher.settle()
    watcher.restart()
    log.events(4)
    log.rotate()
    log.events(4)
    watcher.settle()
    watcher.restart()
    watcher.settle()
    log.close()

    assert watcher.numbers == expected(188)
    assert watcher.gaps == []


def test_r05_a_copy_and_its_original_are_one_file(log: Log, watcher: Watcher) -> None:
    log.events(30)
    backup = log.rotate()
    packed = backup.with_name(backup.name + ".gz")
    packed.write_bytes(gzip.compress(backup.read_bytes()))
    log.events(2)
    watcher.settle()
    backup.unlink()
    watcher.settle()
    watcher.restart()
    watcher.settle()

    assert watcher.numbers == expected(32)


def test_a_backup_of_several_members_is_one_file(log: Log, watcher: Watcher) -> None:
    log.events(20)
    backup = log.rotate()
    lines = backup.read_bytes().splitlines(keepends=True)
    backup.unlink()
    packed = gzip.compress(b"".join(lines[:7])) + gzip.compress(b"".join(lines[7:])) + b"\0" * 512
    backup.with_name(backup.name + ".gz").write_bytes(packed)
    watcher.settle()

    assert watcher.numbers == expected(20)
    assert watcher.gaps == []


def test_r36_backups_removed_while_nobody_read_are_a_gap_with_bounds(log: Log, watcher: Watcher) -> None:
    log.events(10)
    watcher.settle()
    watcher.restart()
    log.rotate().unlink()
    log.write(event("after", second=30) + b"\n")
    watcher.settle()

    assert watcher.numbers[-1] == "after"
    assert watcher.reasons == ["HistoryLost"]
    assert watcher.position
    gap = watcher.gaps[0]
    assert "audit.log" in gap.message
    assert "--audit-log-maxbackup" in gap.message
    assert gap.end == pytest.approx(EPOCH + 30.000001)
    assert gap.start <= gap.end


def test_r36_a_log_whose_last_file_had_nothing_yet_is_missed_as_well(log: Log, watcher: Watcher) -> None:
    log.events(10)
    watcher.step()
    log.rotate()
    watcher.settle()  # all read, the live file is empty
    watcher.position = watcher.tail.position()
    watcher.restart()
    log.events(5)
    log.rotate()
    for backup in log.path.parent.glob("audit-*"):
        backup.unlink()
    log.events(1)
    watcher.settle()

    assert watcher.reasons == ["HistoryLost"]
    assert watcher.numbers == [*expected(10), "15"]


def test_a_backup_removed_before_its_turn_is_a_gap(log: Log, watcher: Watcher) -> None:
    for _ in range(30):
        log.events(1)
        log.rotate()
    watcher.step()
    waiting = watcher.tail._files.waiting[0].name.text
    (log.path.parent / waiting).unlink()
    watcher.step(80)

    assert watcher.reasons == ["BackupLost"]
    assert waiting in watcher.gaps[0].message
    assert len(watcher.numbers) == 29


def test_nothing_is_missed_when_all_was_read_and_the_log_goes_on(log: Log, watcher: Watcher) -> None:
    log.events(3)
    watcher.settle()
    for _ in range(3):
        watcher.restart()
        log.events(1)
        log.rotate()
        watcher.settle()

    assert watcher.numbers == expected(6)
    assert watcher.gaps == []


def test_copies_under_other_names_are_not_part_of_the_log(log: Log, watcher: Watcher) -> None:
    log.events(5)
    for name in ("audit.log.1", "audit.log.bak", "audit-copy.log", "audit-2026-01-01.log", "other.log"):
        (log.path.parent / name).write_bytes(log.path.read_bytes())
    watcher.settle()

    assert watcher.numbers == expected(5)


def test_by_default_the_first_start_reads_the_live_file_and_leaves_history_alone(path: Path, log: Log) -> None:
    log.events(5)
    log.rotate()
    log.events(5)
    watcher = Watcher(path, habits=Habits())
    watcher.settle()
    log.events(1)
    log.rotate()
    watcher.settle()
    watcher.restart()
    watcher.settle()

    assert watcher.numbers == ["5", "6", "7", "8", "9", "10"]
    assert watcher.gaps == []


def test_no_file_stays_open_that_was_read_and_left_alone(path: Path) -> None:
    log, watcher = Log(path, keep=3, compress=True), Watcher(path)
    for _ in range(60):
        log.events(2)
        watcher.step()
        log.rotate()
        watcher.step(6)
    watcher.settle()
    log.close()
    held = [file.path for file in psutil.Process().open_files() if file.path.startswith(str(path.parent))]

    assert held == [str(path)]
    assert len(watcher.tail.position().files) < 50, "what is long gone is forgotten"
    assert watcher.numbers == expected(120)
    assert watcher.gaps == []
