"""Windows of whole lines, however little is read at a time and however long a line is."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditwatch.scan import windows as in_windows
from auditwatch.scan.windows import ReadInto, windows


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
    monkeypatch.setattr(in_windows, "WINDOW_BYTES", 64)
    lines = [b"a" * 10, b"b" * 1000, b"c" * 10, b"d" * 63, b"e"]
    assert _lines(_read_into(b"\n".join(lines), step=50)) == lines


def test_windows_are_of_the_usual_size_again_after_a_long_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_windows, "WINDOW_BYTES", 64)
    data = b"b" * 5000 + b"\n" + b"c\n" * 5000
    assert [len(window.data) for window in windows(_read_into(data))][-1] == 64


def test_a_line_beyond_the_limit_is_cut_told_and_skipped_and_the_next_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_windows, "WINDOW_BYTES", 64)
    monkeypatch.setattr(in_windows, "MAX_LINE_BYTES", 256)
    data = b"first\n" + b"x" * 1000 + b"\nlast\n"
    found = [(bytes(window.data[: window.end]), window.is_cut) for window in windows(_read_into(data, step=30))]
    assert [data for data, cut in found if not cut] == [b"first\n", b"last\n"]
    assert [cut for _, cut in found].count(True) == 1
