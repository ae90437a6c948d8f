"""Ranges of plain files, and what is left of damaged gzip."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditwatch.scan.inflating import ReadError
from auditwatch.scan.reading import plain, streamed
from auditwatch.scan.windows import Window


def _joined(windows: Iterator[Window]) -> bytes:
    return b"".join(bytes(window.data[window.start : window.end]) for window in windows)


@given(st.integers(1, 40), st.lists(st.integers(0, 12), min_size=1, max_size=40))
def test_ranges_of_a_file_hold_each_line_once(
    tmp_path_factory: pytest.TempPathFactory, size: int, lengths: list[int]
) -> None:
    data = b"".join(b"x" * length + b"\n" for length in lengths)
    path = tmp_path_factory.mktemp("ranges") / "log"
    path.write_bytes(data)
    found = b""
    for start in range(0, len(data), size):
        with plain(str(path), start, min(start + size, len(data))) as windows:
            found += _joined(windows)
    assert found == data


def test_a_file_that_grows_is_read_as_far_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"one\ntwo\nthree\n")
    with plain(str(path), 0, 8) as windows:
        assert _joined(windows) == b"one\ntwo\n"


def _streamed(path: Path, skip: int = 0) -> bytes:
    with streamed(str(path), skip) as windows:
        return _joined(windows)


def test_members_of_a_gzip_file_are_read_one_after_the_other_and_padding_is_not(tmp_path: Path) -> None:
    path = tmp_path / "log.gz"
    path.write_bytes(gzip.compress(b"one\n") + gzip.compress(b"two\n") + bytes(512))
    assert _streamed(path) == b"one\ntwo\n"
    assert _streamed(path, skip=4) == b"two\n"


def _collect(path: Path, found: bytearray) -> None:
    """Add all that can be read to ``found``."""
    with streamed(str(path)) as windows:
        for window in windows:
            found += window.data[window.start : window.end]


@pytest.mark.parametrize("kept", [0.3, 0.9])
def test_of_a_gzip_file_that_is_cut_off_everything_before_is_read_and_the_end_is_told(
    tmp_path: Path, kept: float
) -> None:
    path, data = tmp_path / "log.gz", b"".join(b"%08d some line\n" % number for number in range(200_000))
    packed = gzip.compress(data)
    path.write_bytes(packed[: int(len(packed) * kept)])
    found = bytearray()
    with pytest.raises(ReadError, match="cut off, or is still being written"):
        _collect(path, found)
    assert data.startswith(found)
    assert len(found) > len(data) * kept * 0.9


def test_of_a_gzip_file_that_is_damaged_everything_before_the_damage_is_read(tmp_path: Path) -> None:
    path, data = tmp_path / "log.gz", b"".join(b"%08d some line\n" % number for number in range(200_000))
    packed = bytearray(gzip.compress(data))
    middle = len(packed) // 2
    packed[middle : middle + 200] = b"\xff" * 200
    path.write_bytes(packed)
    found = bytearray()
    with pytest.raises(ReadError, match="damaged"):
        _collect(path, found)
    intact = len(data) // 2
    assert found[: intact - 100_000] == data[: intact - 100_000]
