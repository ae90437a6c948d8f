"""Compressed copies that cannot be read to their end, or are never finished (R06 and R07 of the reliability matrix)."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from auditwatch.sources.file.habits import Habits
from tests.unit.sources.file.making import EPOCH, Log, Watcher, backup_name, expected


def test_r06_a_copy_still_being_written_is_waited_for(log: Log, watcher: Watcher) -> None:
    log.events(100)
    backup = log.rotate()
    packed, whole = backup.with_name(backup.name + ".gz"), gzip.compress(backup.read_bytes())
    backup.unlink()
    for end in (10, len(whole) // 2, len(whole) - 4):
        packed.write_bytes(whole[:end])
        watcher.step(4)
    assert watcher.gaps == []
    packed.write_bytes(whole)
    watcher.settle()

    assert watcher.numbers == expected(100)
    assert watcher.gaps == []


def test_r06_a_copy_begun_again_from_zero_is_not_read_twice(log: Log, watcher: Watcher) -> None:
    log.events(400)
    backup = log.rotate()
    packed, whole = backup.with_name(backup.name + ".gz"), gzip.compress(backup.read_bytes())
    backup.unlink()
    packed.write_bytes(whole[: len(whole) - 5])
    watcher.step(3)
    with packed.open("r+b") as file:  # the same inode, cut to nothing
        file.truncate(20)
        watcher.step(3)
        file.seek(0)
        file.write(whole)
    watcher.settle()

    assert watcher.numbers == expected(400)


def test_r06_a_copy_that_is_never_finished_is_given_up_and_told(path: Path, log: Log) -> None:
    watcher = Watcher(path, habits=Habits(start="Beginning", patience=5.0))
    log.events(400)
    backup = log.rotate()
    whole = gzip.compress(backup.read_bytes())
    backup.unlink()
    backup.with_name(backup.name + ".gz").write_bytes(whole[: len(whole) // 2])
    watcher.step(40)

    assert watcher.reasons == ["BackupUnreadable"]
    assert "never finished" in watcher.gaps[0].message
    assert 0 < len(watcher.numbers) < 400, "what could be uncompressed was read"


def test_r06_a_copy_with_nothing_in_it_is_given_up_and_told_once(path: Path) -> None:
    watcher = Watcher(path, habits=Habits(start="Beginning", patience=5.0))
    path.with_name(backup_name(path, 0) + ".gz").write_bytes(b"\x1f\x8b\x08")
    watcher.step(60)

    assert watcher.reasons == ["BackupUnreadable"]


def test_r07_a_damaged_copy_is_read_up_to_the_damage_and_the_rest_is_told(log: Log, watcher: Watcher) -> None:
    log.events(400)
    backup = log.rotate()
    packer, half = zlib.compressobj(wbits=31), backup.read_bytes()[: backup.stat().st_size // 2]
    backup.unlink()
    invalid_block = b"\x07" * 100
    packed = packer.compress(half) + packer.flush(zlib.Z_FULL_FLUSH) + invalid_block
    backup.with_name(backup.name + ".gz").write_bytes(packed)
    log.events(1)
    watcher.settle()
    watcher.restart()
    watcher.settle()

    gap = watcher.gaps[0]
    assert gap.reason == "BackupUnreadable"
    assert f"after byte {len(half)}" in gap.message
    assert gap.end == EPOCH, "the time in its name"
    assert watcher.gaps == [gap], "not told again after a restart"
    assert watcher.numbers == [*expected(200), "400"] or watcher.numbers == [*expected(199), "400"]
    assert watcher.data.count(half[half.rfind(b"\n") + 1 :]) == 1, "the line in which it breaks off is handed over once"


def test_r07_a_wrong_checksum_is_told_and_costs_no_line(log: Log, watcher: Watcher) -> None:
    log.events(40)
    backup = log.rotate()
    packed = bytearray(gzip.compress(backup.read_bytes()))
    backup.unlink()
    packed[-6] ^= 0xFF
    backup.with_name(backup.name + ".gz").write_bytes(packed)
    watcher.settle()

    assert watcher.numbers == expected(40)
    assert watcher.reasons == ["BackupUnreadable"]
