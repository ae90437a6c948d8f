"""Files looked at where they lie in memory, while others leave them alone, open them, shorten them or write on.

What shortens a mapped file under its reader ends it with SIGBUS, so those readers are processes of their own.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditwatch.scan import mapping
from auditwatch.scan.mapping import mapped
from auditwatch.scan.reading import plain
from auditwatch.scan.windows import Window

LINES = b"".join(b"%08d some line\n" % number for number in range(100_000))
NOBODY = 65534


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A file of ours that nobody has open; SKIP where the system or the folder's file system has no leases."""
    path = tmp_path / "audit.log"
    path.write_bytes(LINES)
    _skip_without_leases(path)
    return path


def _skip_without_leases(path: Path) -> None:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as whole:
        try:
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
            whole.madvise(22, 0, 1)
        except (AttributeError, OSError) as problem:
            pytest.skip(f"no lease can be had on files in {path.parent}, or the kernel is older than 5.14: {problem}")


@pytest.fixture(autouse=True)
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapping, "WINDOW_BYTES", 16 << 10)


def _text(window: Window) -> bytes:
    return bytes(window.data[window.start : window.end])


def _mapped(path: Path, start: int, end: int) -> tuple[list[bytes], int]:
    """What is handed out without copying, and where the rest begins."""
    found: list[bytes] = []
    descriptor = os.open(path, os.O_RDONLY)
    windows = mapped(descriptor, start, end)
    try:
        while True:
            found.append(_text(next(windows)))
    except StopIteration as ended:
        return found, int(ended.value)
    finally:
        os.close(descriptor)


def test_what_nobody_writes_to_is_handed_out_whole_in_windows_of_whole_lines(log: Path) -> None:
    found, position = _mapped(log, 0, len(LINES))
    assert (b"".join(found), position) == (LINES, len(LINES))
    assert len(found) > 1
    assert all(each.endswith(b"\n") and len(each) <= 16 << 10 for each in found)


@given(st.lists(st.integers(0, 12), min_size=1, max_size=40), st.integers(0, 40), st.integers(0, 40))
def test_any_range_of_lines_is_handed_out_as_it_is(
    tmp_path_factory: pytest.TempPathFactory, lengths: list[int], first: int, count: int
) -> None:
    lines = [b"x" * length + b"\n" for length in lengths]
    start = len(b"".join(lines[:first]))
    end = start + len(b"".join(lines[first : first + count]))
    path = tmp_path_factory.mktemp("ranges") / "log"
    path.write_bytes(b"".join(lines))
    _skip_without_leases(path)
    found, position = _mapped(path, start, end)
    assert (b"".join(found), position) == (b"".join(lines)[start:end], end)


def test_a_last_line_without_an_end_is_handed_out_too(log: Path) -> None:
    log.write_bytes(b"one\ntwo")
    assert _mapped(log, 0, 7) == ([b"one\ntwo"], 7)


def test_an_empty_range_is_nothing(log: Path) -> None:
    assert _mapped(log, 0, 0) == ([], 0)
    assert _mapped(log, 500, 500) == ([], 500)


def test_from_a_line_longer_than_a_window_on_the_file_is_copied(log: Path) -> None:
    long = b"x" * (20 << 10) + b"\nlast\n"
    log.write_bytes(b"short\n" + long)
    assert _mapped(log, 0, log.stat().st_size) == ([b"short\n"], 6)
    assert _read(log) == b"short\n" + long


def test_a_log_that_is_open_for_writing_is_copied(log: Path) -> None:
    with log.open("ab"):
        assert _mapped(log, 0, len(LINES)) == ([], 0)
        assert _read(log) == LINES
    assert _mapped(log, 0, len(LINES))[1] == len(LINES)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else for a while")
def test_what_belongs_to_somebody_else_is_copied(log: Path) -> None:
    descriptor = os.open(log, os.O_RDONLY)
    os.seteuid(NOBODY)
    try:
        assert list(mapped(descriptor, 0, len(LINES))) == []
    finally:
        os.seteuid(0)
        os.close(descriptor)


def test_where_the_system_cannot_read_pages_in_the_file_is_copied(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapping, "_POPULATE_READ", 4711)  # as kernels before 5.14 know none
    assert _mapped(log, 0, len(LINES)) == ([], 0)
    assert _read(log) == LINES


@pytest.mark.parametrize("missing", ["F_SETLEASE", "F_SETSIG"])
def test_where_the_system_has_no_leases_the_file_is_copied(
    log: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.delattr(fcntl, missing)  # as on macOS
    assert _mapped(log, 0, len(LINES)) == ([], 0)
    assert _read(log) == LINES


def test_who_wants_to_write_waits_until_the_window_is_released_and_not_for_the_next(log: Path) -> None:
    with plain(str(log), 0, len(LINES)) as windows:
        window = next(windows)
        writer = threading.Thread(target=lambda: log.open("ab").close())
        writer.start()
        writer.join(0.3)
        assert writer.is_alive()
        window.release()
        writer.join(30)
        assert not writer.is_alive()
        assert window.start == 0


def test_who_opens_the_log_meanwhile_has_it_and_the_rest_is_copied(log: Path) -> None:
    with plain(str(log), 0, len(LINES)) as windows:
        first = next(windows)
        found = _text(first)
        first.release()
        with log.open("ab"):
            rest = list(map(_text_and_kind, windows))
    assert found + b"".join(text for text, _ in rest) == LINES
    assert {kind for _, kind in rest} == {bytearray}


def test_a_scan_that_is_left_lets_everybody_have_the_file(log: Path) -> None:
    with plain(str(log), 0, len(LINES)) as windows:
        next(windows)
    os.close(os.open(log, os.O_WRONLY | os.O_NONBLOCK))


READER = """
    import os, sys
    from auditwatch.scan import mapping
    from auditwatch.scan.reading import plain
    mapping.WINDOW_BYTES = 16 << 10
    with plain(sys.argv[1], 0, os.stat(sys.argv[1]).st_size) as windows:
        for number, window in enumerate(windows):
            print(type(window.data).__name__, bytes(window.data[window.start:window.end]).count(b"\\n"), flush=True)
            {released}
            if number == 0:
                sys.stdin.readline()
                print("goes on", {held}, flush=True)
"""


@contextlib.contextmanager
def _reader(log: Path, *, is_released: bool) -> Iterator[subprocess.Popen[str]]:
    """A process that looks at the first window and, once it is told a line, at what it still holds of it."""
    held = "bytes(window.data[window.end - 9 : window.end])"
    released, held = ("window.release()", "0") if is_released else ("pass", held)
    program = textwrap.dedent(READER).format(released=released, held=held)
    command = [sys.executable, "-c", program, str(log)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process


def test_a_log_shortened_between_two_windows_ends_there_and_no_process_with_it(log: Path) -> None:
    with _reader(log, is_released=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("memoryview")
        os.truncate(log, 20 << 10)
        rest, _ = process.communicate("\n", timeout=30)
    assert process.returncode == 0
    assert "bytearray" in rest
    assert "memoryview" not in rest


def test_who_shortens_a_log_waits_for_the_window_that_is_looked_at_and_the_reader_goes_on(log: Path) -> None:
    with _reader(log, is_released=False) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("memoryview")
        shortening = threading.Thread(target=os.truncate, args=(log, 0))
        shortening.start()
        shortening.join(0.3)
        assert shortening.is_alive()
        rest, _ = process.communicate("\n", timeout=30)
        shortening.join(30)
    assert process.returncode == 0, "neither SIGBUS nor the signal that somebody waits"
    assert "goes on b'ome line\\n'" in rest
    assert log.stat().st_size == 0


def _text_and_kind(window: Window) -> tuple[bytes, type]:
    return _text(window), type(window.data)


def _read(path: Path) -> bytes:
    with plain(str(path), 0, path.stat().st_size) as windows:
        return b"".join(map(_text, windows))
