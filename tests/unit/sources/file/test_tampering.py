"""Files cut, removed, replaced, planted or hidden (R08 to R16 and R19 of the reliability matrix).

R11, a file cut while what was read cannot be handed over, is R08 once it can: the tail is not stepped meanwhile.
"""

from __future__ import annotations

import os
import shutil
import tracemalloc
from pathlib import Path

import pytest

from auditwatch.sources.file.habits import Habits
from tests.unit.sources.file.making import EPOCH, Log, Watcher, backup_name, compress, event, expected


def test_r08_a_file_cut_to_nothing_is_read_anew_and_told(log: Log, watcher: Watcher, path: Path) -> None:
    log.events(5)
    watcher.step()
    os.truncate(path, 0)
    log.events(5)  # as long as before
    os.utime(path, (EPOCH, EPOCH))
    watcher.settle()

    assert watcher.numbers == expected(10)
    assert watcher.reasons == ["LogTruncated"]
    assert "Find out who" in watcher.gaps[0].message


@pytest.mark.parametrize("is_read_before_the_cut", [True, False])
def test_r08_what_a_copy_holds_that_was_not_read_is_read_from_the_copy(
    log: Log, watcher: Watcher, path: Path, *, is_read_before_the_cut: bool
) -> None:
    log.events(5)
    watcher.step()
    log.events(5)
    if is_read_before_the_cut:
        watcher.step()
    shutil.copy(path, path.with_name(backup_name(path, 0)))
    os.truncate(path, 0)
    log.events(3)
    watcher.settle()
    watcher.restart()
    watcher.settle()

    assert sorted(watcher.numbers, key=int) == expected(13)
    assert watcher.reasons == ["LogTruncated"]


def test_r08_a_copy_still_being_made_is_not_read_as_a_file_of_its_own(log: Log, path: Path) -> None:
    watcher = Watcher(path)
    watcher.time = lambda: path.stat().st_mtime  # the copy is being written now
    watcher.tail = watcher._new_tail()
    log.events(20)
    watcher.step()
    copy = path.with_name(backup_name(path, 0))
    whole = path.read_bytes()
    for end in (100, 1500, len(whole) // 2, len(whole)):
        copy.write_bytes(whole[:end])
        os.utime(copy, (path.stat().st_atime, path.stat().st_mtime))
        watcher.step(2)
    os.truncate(path, 0)
    watcher.settle()

    assert watcher.numbers == expected(20)


def test_r09_a_writer_that_goes_on_at_its_old_offset_leaves_a_hole_that_costs_nothing(
    log: Log, watcher: Watcher, path: Path
) -> None:
    log.rotate()  # from here on not O_APPEND
    log.events(500)
    watcher.settle()
    os.truncate(path, 0)
    log.events(2)
    watcher.settle()
    assert watcher.numbers == expected(502)

    os.lseek(log._file, 10 << 30, os.SEEK_SET)
    tracemalloc.start()
    log.events(1)
    watcher.settle()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert watcher.numbers == expected(503)
    assert peak < 1 << 20
    assert watcher.lines[-1][1].offset == 10 << 30


def test_r10_a_file_cut_and_grown_past_where_it_was_is_read_from_its_beginning(
    log: Log, watcher: Watcher, path: Path
) -> None:
    log.events(5)
    watcher.step()
    os.truncate(path, 0)
    log.events(50)
    watcher.settle()

    assert watcher.numbers == expected(55)
    assert watcher.reasons == ["LogTruncated"]


def test_r10_what_is_cut_before_it_was_read_is_told(path: Path, log: Log) -> None:
    watcher = Watcher(path, habits=Habits(start="Beginning", budget=1500))
    log.events(20)
    watcher.step()
    os.truncate(path, path.stat().st_size // 2)
    watcher.step(60)
    watcher.tail.close()

    assert watcher.reasons == ["LogTruncated"]
    assert set(expected(9)) <= set(watcher.numbers)


def test_r10_also_where_it_happened_while_nobody_read(log: Log, watcher: Watcher, path: Path) -> None:
    log.events(5)
    watcher.step()
    watcher.restart()
    os.truncate(path, 0)
    log.events(50)
    watcher.settle()

    assert watcher.numbers == expected(55)
    assert watcher.reasons == ["HistoryLost"]


def test_r12_a_removed_file_is_read_on_and_told(log: Log, watcher: Watcher, path: Path) -> None:
    log.events(2)
    watcher.step()
    path.unlink()
    log.events(2)
    watcher.settle()
    log.events(2)
    watcher.settle()
    log.create()
    log.events(2)
    watcher.settle()

    assert watcher.numbers == expected(8)
    assert watcher.reasons == ["LogRemoved"]
    assert watcher.tail.figures.files_open == 1


def inode_reused(path: Path, tries: int = 200) -> bool:
    """Remove and create until the new file has the old one's inode."""
    before = path.stat().st_ino
    for _ in range(tries):
        path.unlink()
        path.touch()
        if path.stat().st_ino == before:
            return True
    return False


def test_r13_a_new_file_with_the_old_ones_inode_is_a_new_file(log: Log, watcher: Watcher, path: Path) -> None:
    log.events(9)
    watcher.step()
    watcher.restart()
    log.close()
    is_reused = inode_reused(path)
    log._file = os.open(path, os.O_WRONLY | os.O_APPEND)
    log.events(2)
    watcher.settle()

    if not is_reused:
        pytest.skip("this file system gives every file a new inode")
    assert watcher.numbers == expected(11)
    assert watcher.reasons == ["HistoryLost"]


@pytest.mark.parametrize("is_restarted", [True, False])
def test_r14_files_that_begin_alike_are_told_apart(
    log: Log, watcher: Watcher, path: Path, *, is_restarted: bool
) -> None:
    first = event("a", padding=5000)
    log.write(first + b"\n")
    log.events(20)
    watcher.step()
    if is_restarted:
        watcher.restart()
    backup = log.rotate()
    log.write(first + b"\n")  # the same first kilobyte, under a longer file than was read
    for number in range(100, 140):
        log.write(event(number) + b"\n")
    if is_restarted:
        backup.unlink()
        os.link(path, path.with_name("kept"))
    watcher.settle()

    assert watcher.numbers == ["a", *expected(20), "a", *(str(number) for number in range(100, 140))]


def test_r14_a_file_that_begins_like_a_compressed_one_is_opened_beside_it(
    log: Log, watcher: Watcher, path: Path
) -> None:
    log.events(2, padding=5000)
    compress(log.rotate())
    log.write(event(0, padding=5000) + b"\n")
    log.events(1)
    watcher.step()
    path.unlink()
    watcher.settle()

    assert watcher.numbers == ["0", "1", "0", "2"]


def test_r15_a_planted_link_is_refused_and_what_was_open_is_read_on(log: Log, watcher: Watcher, path: Path) -> None:
    log.events(2)
    watcher.step()
    elsewhere = path.with_name("elsewhere")
    elsewhere.write_bytes(event("planted") + b"\n")
    log.rename()
    path.symlink_to(elsewhere)
    log.events(2)
    watcher.settle()

    assert watcher.numbers == expected(4)
    assert watcher.state == "Refused"
    assert watcher.tail.figures.trouble
    assert "links are not followed" in watcher.tail.figures.trouble.message

    path.unlink()
    log.create()
    log.events(1)
    watcher.settle()
    assert watcher.numbers == expected(5)
    assert watcher.state == "Reading"


def test_r15_a_link_renamed_to_a_backup_is_not_followed_either(log: Log, watcher: Watcher, path: Path) -> None:
    elsewhere = path.with_name("elsewhere")
    elsewhere.write_bytes(event("planted") + b"\n")
    path.with_name(backup_name(path, 0)).symlink_to(elsewhere)
    log.events(1)
    watcher.settle()

    assert watcher.numbers == expected(1)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_r16_a_pipe_or_directory_in_the_logs_place_is_refused_and_stops_nothing(
    tmp_path: Path, watcher: Watcher, make: object
) -> None:
    assert callable(make)
    make(watcher.path)
    make(tmp_path / backup_name(watcher.path, 1))
    backup = tmp_path / backup_name(watcher.path, 0)
    backup.write_bytes(event("0") + b"\n")
    watcher.settle()

    assert watcher.state == "Refused"
    assert watcher.numbers == ["0"]


def test_r19_one_event_in_a_small_file_is_read_at_once(log: Log, watcher: Watcher) -> None:
    watcher.step(3)
    log.events(1)
    watcher.step()

    assert watcher.numbers == ["0"]


def test_r19_empty_files_are_no_trouble(log: Log, watcher: Watcher, path: Path) -> None:
    path.with_name(backup_name(path, 5)).touch()
    watcher.settle()
    assert watcher.state == "Reading"
    assert watcher.lines == []

    log.rotations = 6
    log.rotate()
    log.events(1)
    watcher.settle()
    watcher.restart()
    watcher.settle()

    assert watcher.numbers == ["0"]
    assert watcher.gaps == []


def test_a_disk_error_in_the_middle_is_said_and_the_file_read_on_where_it_was(
    log: Log, watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.events(3)
    watcher.step()
    log.events(3)

    def broken(_descriptor: int, _most: int, _offset: int) -> bytes:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr("auditwatch.sources.file.content.os.pread", broken)
        watcher.step()
        assert watcher.state == "Failing"
    watcher.settle()

    assert watcher.numbers == expected(6)
    assert watcher.gaps == []
