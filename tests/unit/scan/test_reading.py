"""Windows of whole lines, ranges of files, and what is left of damaged gzip."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditwatch.scan import reading
from auditwatch.scan.inflating import ReadError
from auditwatch.scan.reading import ReadInto, plain, streamed, windows


def _read_into(data: bytes, *, step: int = 1 << 30) -> ReadInto:
    stream = io.BytesIO(data)
    return lambda room: stream.readinto(room[:step])


def _lines(read_into: ReadInto) -> list[bytes]:
    found = [(bytes(window.data[: window.end]), window.is_cut) for window in windows(read_into)]
    assert all(data.endswith(b"\n") or cut for data, cut in found[:-1]), "windows hold whole lines"
    return b"".join(data for data, _ in found).split(b"\n")


@given(st.lists(st.binary(max_size=40).map(lambda line: line.replace(b"\n", b"")), max_size=30), st.integers(1, 50))
def test_every_line_is_handed_out_once_and_whole_however_little_is_read_at_a_time(
    lines: list[bytes], step: int
) -> None:
    data = b"\n".join(lines)
    assert b"\n".join(_lines(_read_into(data, step=step))) == data


def test_a_line_longer_than_a_window_is_handed_out_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "WINDOW_BYTES", 64)
    lines = [b"a" * 10, b"b" * 1000, b"c" * 10, b"d" * 63, b"e"]
    assert _lines(_read_into(b"\n".join(lines), step=50)) == lines


def test_windows_are_of_the_usual_size_again_after_a_long_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "WINDOW_BYTES", 64)
    data = b"b" * 5000 + b"\n" + b"c\n" * 5000
    assert [len(window.data) for window in windows(_read_into(data))][-1] == 64


def test_a_line_beyond_the_limit_is_cut_told_and_skipped_and_the_next_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "WINDOW_BYTES", 64)
    monkeypatch.setattr(reading, "MAX_LINE_BYTES", 256)
    data = b"first\n" + b"x" * 1000 + b"\nlast\n"
    found = [(bytes(window.data[: window.end]), window.is_cut) for window in windows(_read_into(data, step=30))]
    assert [data for data, cut in found if not cut] == [b"first\n", b"last\n"]
    assert [cut for _, cut in found].count(True) == 1


@given(st.integers(1, 40), st.lists(st.integers(0, 12), min_size=1, max_size=40))
def test_ranges_of_a_file_hold_each_line_once(
    tmp_path_factory: pytest.TempPathFactory, size: int, lengths: list[int]
) -> None:
    data = b"".join(b"x" * length + b"\n" for length in lengths)
    path = tmp_path_factory.mktemp("ranges") / "log"
    path.write_bytes(data)
    found = b""
    for start in range(0, len(data), size):
        with plain(str(path), start, min(start + size, len(data))) as read_into:
            found += b"".join(bytes(window.data[: window.end]) for window in windows(read_into))
    assert found == data


def test_a_file_that_grows_is_read_as_far_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"one\ntwo\nthree\n")
    with plain(str(path), 0, 8) as read_into:
        assert _lines(read_into) == [b"one", b"two", b""]


def _streamed(path: Path, skip: int = 0) -> bytes:
    with streamed(str(path), skip) as read_into:
        return b"".join(bytes(window.data[: window.end]) for window in windows(read_into))


def test_members_of_a_gzip_file_are_read_one_after_the_other_and_padding_is_not(tmp_path: Path) -> None:
    path = tmp_path / "log.gz"
    path.write_bytes(gzip.compress(b"one\n") + gzip.compress(b"two\n") + bytes(512))
    assert _streamed(path) == b"one\ntwo\n"
    assert _streamed(path, skip=4) == b"two\n"


def _collect(path: Path, found: bytearray) -> None:
    """Add all that can be read to ``found``."""
    with streamed(str(path)) as read_into:
        for window in windows(read_into):
            found += window.data[: window.end]


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
