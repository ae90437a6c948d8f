"""Which files count as no audit log, and which only hold something else beside events."""

from __future__ import annotations

import gzip
import json
import lzma
from pathlib import Path

import pytest

from auditwatch.scan import pool, selecting
from auditwatch.scan import windows as in_windows

from .making import event, line, log, noise, plan, scanned
from .test_awkward_inputs import told

TEXT = b"I0101 00:00:00.000000       1 server.go:1] hello"


def _trouble(tmp_path: Path, *paths: Path, jobs: int = 1) -> dict[str, tuple[int, str]]:
    return told(scanned(plan(tmp_path, jobs=jobs), *paths)[0])


@pytest.mark.parametrize("first", [TEXT, line(noise())[100:], b"{}"])
def test_one_event_behind_other_lines_makes_a_log_whether_a_rule_looks_for_it_or_not(
    tmp_path: Path, first: bytes
) -> None:
    for written in (noise(), event(1)):
        path = log(tmp_path / "audit.log", b"", *[first] * 50, written)
        assert _trouble(tmp_path, path) == {"NotAnAuditEvent": (1, "audit.log:2")}


def test_only_the_first_lines_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selecting, "FIRST_LINES", 10)
    path = log(tmp_path / "audit.log", *[TEXT] * 10, noise())
    assert _trouble(tmp_path, path) == {"NotAnAuditLog": (1, "audit.log")}
    assert "NotAnAuditLog" not in _trouble(tmp_path, log(path, *[TEXT] * 9, noise()))


def test_first_lines_are_looked_at_beyond_the_first_window(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_windows, "WINDOW_BYTES", 256)
    packed = tmp_path / "audit.log.gz"
    packed.write_bytes(gzip.compress(b"\n".join([*[TEXT] * 50, line(noise())])))
    assert _trouble(tmp_path, packed) == {"NotAnAuditEvent": (1, "audit.log.gz:1")}


def test_an_event_found_anywhere_makes_a_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selecting, "FIRST_LINES", 1)
    monkeypatch.setattr(pool, "MIN_BYTES", 1)
    monkeypatch.setattr(pool, "PIECE_BYTES", 1000)
    path = log(tmp_path / "audit.log", *[TEXT] * 200, event(1))
    for jobs in (1, 3):
        assert _trouble(tmp_path, path, jobs=jobs) == {"NotAnAuditEvent": (1, "audit.log:1")}


def test_a_live_log_with_one_torn_line_is_a_log(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    path.write_bytes(line(event(1))[:90])
    assert _trouble(tmp_path, path) == {"NotAnAuditEvent": (1, "audit.log:1")}


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\0\0\0", b'{"kind":"EventList","items":[]}\n'])
def test_where_nothing_is_there_is_nothing_wrong(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "audit.log"
    path.write_bytes(content)
    assert _trouble(tmp_path, path) == {}


def test_one_line_too_long_to_be_read_is_no_quiet_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_windows, "WINDOW_BYTES", 512)
    monkeypatch.setattr(in_windows, "MAX_LINE_BYTES", 2048)
    path = tmp_path / "audit.log.gz"
    path.write_bytes(gzip.compress(json.dumps({"logEvents": [{"message": "x" * 9000}]}).encode()))
    assert set(_trouble(tmp_path, path)) == {"LineTooLong", "NotAnAuditLog"}


def test_lines_that_a_rule_looks_for_in_a_file_of_something_else_are_told_with_the_file(tmp_path: Path) -> None:
    envelope = {"events": [{"objectRef": event(1)["objectRef"]}]}
    path = log(tmp_path / "audit.log", *[line(envelope)] * 3)
    assert _trouble(tmp_path, path) == {"NotAnAuditLog": (1, "audit.log")}


def test_beside_a_log_in_a_directory_text_is_only_mentioned(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    log(logs / "audit.log", noise())
    text = log(logs / "termination.log", TEXT)
    assert _trouble(tmp_path, logs) == {"NotAnAuditEvent": (1, "termination.log:1")}
    assert _trouble(tmp_path, logs, text)["NotAnAuditLog"] == (1, "termination.log"), "who names it means it"


def test_beside_a_log_in_a_directory_what_can_be_converted_is_a_log_that_was_not_read(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    log(logs / "audit.log", noise())
    (logs / "audit-2026-01-01T00-00-00.000.log.xz").write_bytes(lzma.compress(line(event(1))))
    assert _trouble(tmp_path, logs) == {"NotAnAuditLog": (1, "audit-2026-01-01T00-00-00.000.log.xz")}


def test_a_directory_of_nothing_but_text_is_no_log(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    log(logs / "a.log", TEXT)
    log(logs / "b.log", TEXT)
    assert _trouble(tmp_path, logs) == {"NotAnAuditLog": (2, "a.log")}
