"""The agent's position on disk (R33 to R35 of the reliability matrix): damaged, refused, held by another."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from auditwatch.sources.file.checkpoint import Checkpoint, CheckpointError
from auditwatch.sources.file.position import Position


def at(seen: float) -> Position:
    return Position(seen=seen)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "position"


def reloaded(path: Path) -> Position | None:
    checkpoint = Checkpoint(path)
    position = checkpoint.load()
    checkpoint.close()
    return position


def save(path: Path, *positions: Position) -> None:
    checkpoint = Checkpoint(path)
    for position in positions:
        checkpoint.save(position)
    checkpoint.close()


def test_the_last_position_is_found_again(path: Path) -> None:
    assert reloaded(path) is None
    save(path, at(1.0), at(2.0))

    assert reloaded(path) == at(2.0)


@pytest.mark.parametrize("damage", [b"", b"\0" * 500, b"garbage", b"0" * 64 + b"\n[]", None])
def test_r33_a_damaged_position_is_as_the_one_before(path: Path, damage: bytes | None) -> None:
    save(path, at(1.0), at(2.0))
    path.write_bytes(path.read_bytes()[:-3] if damage is None else damage)

    assert reloaded(path) == at(1.0)


def test_r33_killed_between_its_two_renames_the_one_before_is_there(path: Path) -> None:
    save(path, at(1.0), at(2.0))
    path.unlink()

    assert reloaded(path) == at(1.0)


def test_r33_with_nothing_readable_left_it_is_as_never_read(path: Path) -> None:
    save(path, at(1.0), at(2.0))
    for name in (path, path.with_name("position.previous")):
        name.write_bytes(b"")

    assert reloaded(path) is None


def test_r34_a_disk_that_takes_nothing_keeps_what_was_saved(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = Checkpoint(path)
    checkpoint.save(at(1.0))

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            checkpoint.save(at(2.0))
    assert checkpoint.load() == at(1.0)
    checkpoint.save(at(3.0))
    assert checkpoint.load() == at(3.0)
    checkpoint.close()


def test_r35_a_second_reader_is_turned_away_and_may_come_when_the_first_has_gone(path: Path) -> None:
    first = Checkpoint(path)
    with pytest.raises(CheckpointError, match="held by another process"):
        Checkpoint(path)
    first.close()

    Checkpoint(path).close()


def test_a_directory_that_is_not_there_is_said_with_the_fix(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="hostPath"):
        Checkpoint(tmp_path / "nowhere" / "position")
