"""Compressed backups: any offset, unfinished, damaged, begun again, and what is planted in their place."""

from __future__ import annotations

import gzip
import os
import random
from pathlib import Path

import pytest

from auditwatch.sources.file.compressed import DamagedGzipError, GzipContent, UnfinishedGzipError
from auditwatch.sources.file.content import NotALogError, PlainContent, open_regular

DATA = b"".join(b"%d %s\n" % (number, random.Random(number).randbytes(20).hex().encode()) for number in range(9000))
PACKED = gzip.compress(DATA)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit.log.gz"


def opened(path: Path, packed: bytes) -> GzipContent:
    path.write_bytes(packed)
    return GzipContent(open_regular(path))


def gather(content: GzipContent, read: bytearray, offset: int = 0) -> None:
    """Add what follows ``offset`` and what was read already, to the end or to an error."""
    while block := content.read(offset + len(read), 10_000):
        read += block


def rest_of(content: GzipContent, offset: int = 0) -> bytes:
    read = bytearray()
    gather(content, read, offset)
    return bytes(read)


def test_all_of_it_is_read_from_any_offset_back_and_forth(path: Path) -> None:
    content = opened(path, PACKED)

    assert rest_of(content) == DATA
    assert rest_of(content, 100_000) == DATA[100_000:]
    assert content.read(7, 5) == DATA[7:12]
    assert content.trail_at(50_000) == DATA[50_000 - 4096 : 50_000]
    assert content.trail_at(10) == DATA[:10]
    assert content.head() == DATA[:1024]
    assert content.size() == len(DATA)
    content.close()


def test_no_read_gives_more_than_was_asked_for(path: Path) -> None:
    content = opened(path, gzip.compress(bytes(50 << 20)))

    assert len(content.read(0, 1000)) <= 1000
    content.close()


@pytest.mark.parametrize("end", [0, 1, 10, 500, len(PACKED) // 2, len(PACKED) - 1])
def test_what_is_unfinished_is_read_as_far_as_it_goes_and_on_when_more_comes(path: Path, end: int) -> None:
    content, read = opened(path, PACKED[:end]), bytearray()
    with pytest.raises(UnfinishedGzipError):
        gather(content, read)
    assert DATA.startswith(read)
    with path.open("ab") as file:
        file.write(PACKED[end:])

    assert read + rest_of(content, len(read)) == DATA
    content.close()


def test_one_that_is_begun_again_is_read_on_at_the_same_offset(path: Path) -> None:
    content = opened(path, PACKED[:-10])
    first = content.read(0, 50_000)
    with path.open("r+b") as file:
        file.truncate(100)
        with pytest.raises(UnfinishedGzipError):
            content.read(len(first), 1000)
        file.seek(0)
        file.write(PACKED)

    assert first + rest_of(content, len(first)) == DATA
    content.close()


def test_damage_is_told_with_its_offset_every_time_and_what_is_before_it_can_be_read(path: Path) -> None:
    content = opened(path, PACKED[:-8] + bytes(8))
    read = bytearray()
    for _ in range(3):
        with pytest.raises(DamagedGzipError) as caught:
            gather(content, read)
        assert caught.value.offset == len(DATA)
    assert read == DATA
    assert content.read(0, 10) == DATA[:10]
    content.close()


def test_what_is_not_compressed_at_all_is_damaged_from_its_beginning(path: Path) -> None:
    content = opened(path, b"not compressed at all")

    with pytest.raises(DamagedGzipError) as caught:
        content.head()
    assert caught.value.offset == 0
    content.close()


def test_several_members_and_padding_are_one_stream(path: Path) -> None:
    content = opened(path, PACKED + gzip.compress(b"more\n") + bytes(1000))

    assert rest_of(content) == DATA + b"more\n"
    content.close()


@pytest.mark.parametrize("plant", ["link", "pipe", "directory"])
def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path: Path, plant: str) -> None:
    path = tmp_path / "audit.log"
    if plant == "link":
        path.symlink_to(__file__)
    elif plant == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()

    with pytest.raises(NotALogError):
        open_regular(path)


def test_a_hole_up_to_the_end_is_not_skipped_because_it_may_still_be_written_to(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    path.write_bytes(b"line\n")
    os.truncate(path, 1 << 30)
    content = PlainContent(open_regular(path))
    assert content.data_from(1 << 20) == 1 << 20
    with path.open("r+b") as file:
        file.seek(1 << 29)
        file.write(b"more\n")

    assert content.data_from(1 << 20) == 1 << 29
    content.close()
