"""Logs as they are found after an incident: empty, torn, half compressed, unreadable, spread over a directory."""

from __future__ import annotations

import gzip
import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from auditwatch.scan import pool
from auditwatch.scan.inputs import Input, InputError, inputs_of
from auditwatch.scan.report import document, summary
from auditwatch.scan.scanning import Match, Scan

from .making import event, line, log, noise, places, plan, scanned

OLDEST = "audit-2026-01-01T00-00-00.000.log.gz"
OLDER = "audit-2026-01-02T00-00-00.000.log"


def directory(tmp_path: Path) -> Path:
    """A log rotated twice, the oldest backup compressed; one event in each, and one in a subdirectory."""
    logs = tmp_path / "logs"
    (logs / "second").mkdir(parents=True)
    (logs / OLDEST).write_bytes(gzip.compress(line(event(1)) + b"\n"))
    log(logs / OLDER, noise(), event(2))
    log(logs / "audit.log", event(3))
    log(logs / "second" / "audit.log", event(4))
    (logs / "notes.md").write_text("see audit.log", encoding="utf-8")
    return logs


def told(scan: Scan) -> dict[str, tuple[int, str]]:
    return {each.reason: (each.count, Path(each.where).name) for each in scan.figures.trouble.values()}


def comparable(scan: Scan, matches: list[Match]) -> dict[str, Any]:
    """All that is said, without what a clock says."""
    said = document(scan, duration=0.0)
    return {"said": json.loads(json.dumps(said)), "matches": matches, "trouble": told(scan)}


@pytest.mark.parametrize("content", [b"", b"\n", b"\n\n\n", b" \n\t\n", b"\r\n"])
def test_a_log_with_nothing_in_it_is_quiet(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "audit.log"
    path.write_bytes(content)
    scan, matches = scanned(plan(tmp_path), path)
    assert (matches, scan.findings()) == ([], [])
    assert (scan.figures.files, scan.figures.size) == (1, len(content))
    assert scan.figures.lines == content.count(b"\n")
    assert scan.figures.first_time is scan.figures.last_time is None


def test_of_an_empty_log_no_time_is_told(tmp_path: Path) -> None:
    scan, _ = scanned(plan(tmp_path), log(tmp_path / "audit.log"))
    said = summary(scan, duration=1.23456)
    assert (said["firstTime"], said["lastTime"], said["unreadable"]) == (None, None, [])
    assert said["durationSeconds"] == 1.235


@pytest.mark.parametrize(
    "content", [b"GET / HTTP/1.1\n" * 3, b"\x00\x01\x02\xff\n" * 3, b"{}\n" * 3, b"null\n" * 3, b'{"a":1}\n' * 3]
)
def test_a_file_of_garbage_is_not_taken_for_a_quiet_log(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "audit.log"
    path.write_bytes(content)
    scan, matches = scanned(plan(tmp_path), path)
    assert matches == []
    assert scan.figures.lines == 3
    assert told(scan) == {"NotAnAuditLog": (1, "audit.log")}


def test_garbage_between_events_costs_only_itself(tmp_path: Path) -> None:
    torn = line(event(2))[:-9]
    path = log(tmp_path / "audit.log", event(1), b"\xff\xfe", torn, b"", event(3))
    scan, matches = scanned(plan(tmp_path), path)
    assert places(matches)[0] == ("audit.log", 1, 0)
    assert places(matches)[-1] == ("audit.log", 5, 0)
    assert scan.figures.lines == 5


def test_of_a_directory_all_is_read_oldest_first(tmp_path: Path) -> None:
    scan, matches = scanned(plan(tmp_path), directory(tmp_path))
    assert places(matches) == [(OLDEST, 1, 0), (OLDER, 2, 0), ("audit.log", 1, 0), ("audit.log", 1, 0)]
    assert matches[-1].file.endswith("second/audit.log")
    assert (scan.figures.files, scan.figures.lines) == (4, 5)
    (story,) = [state for state in scan.findings() if state.rule == "many-policies-gone"]
    assert story.severity == "Critical"


def test_a_backup_being_compressed_is_read_once(tmp_path: Path) -> None:
    logs = directory(tmp_path)
    (logs / f"{OLDER}.gz").write_bytes(gzip.compress((logs / OLDER).read_bytes())[:20])
    scan, matches = scanned(plan(tmp_path), logs)
    assert len(matches) == 4
    assert told(scan) == {}


@pytest.mark.parametrize("jobs", [1, 3])
def test_the_same_is_said_of_awkward_logs_for_any_number_of_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jobs: int
) -> None:
    monkeypatch.setattr(pool, "MIN_BYTES", 0)
    monkeypatch.setattr(pool, "PIECE_BYTES", 1000)
    logs = directory(tmp_path)
    log(logs / "mixed.log", b"garbage", *(event(number) for number in range(5, 25)), line(event(30))[:-5], event(31))
    (logs / "torn.log.gz").write_bytes(gzip.compress(line(event(40)) + b"\n" + line(event(41)) + b"\n")[:-12])
    (logs / "empty.log").write_bytes(b"")
    found = comparable(*scanned(plan(tmp_path, jobs=jobs), logs))
    assert found == comparable(*scanned(plan(tmp_path, jobs=1), logs))
    assert {"NotAnAuditEvent", "FileDamaged"} <= set(found["trouble"])
    assert len(found["matches"]) > 24


def test_the_files_of_a_scan_come_in_the_order_of_time_whatever_they_are_called(tmp_path: Path) -> None:
    second, first = log(tmp_path / "b.log", event(1)), log(tmp_path / "a.log", event(2))
    _, matches = scanned(plan(tmp_path), second, first)
    assert [name for name, _, _ in places(matches)] == ["b.log", "a.log"]


def test_a_pipe_is_read_to_its_end_plain_or_compressed(tmp_path: Path) -> None:
    for data in (line(event(1)) + b"\n", gzip.compress(line(event(1)) + b"\n")):
        pipe = tmp_path / f"pipe-{len(data)}"
        os.mkfifo(pipe)
        writer = threading.Thread(target=pipe.write_bytes, args=(data,))
        writer.start()
        scan, matches = scanned(plan(tmp_path), pipe)
        writer.join()
        assert places(matches) == [(pipe.name, 1, 0)]
        assert scan.figures.size == len(line(event(1))) + 1


def test_a_directory_inside_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    logs = directory(tmp_path)
    (logs / "again").symlink_to(logs, target_is_directory=True)
    assert len(inputs_of([str(logs)])) == 4


def test_the_fix_is_told_where_a_right_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = log(tmp_path / "audit.log", event(1))

    def denied(*_arguments: object, **_more: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", denied)
    with pytest.raises(InputError, match=r"audit\.log: cannot be read: Permission denied \(audit logs belong to root"):
        inputs_of([str(path)])


def test_everything_is_looked_at_before_anything_is_read(tmp_path: Path) -> None:
    path = log(tmp_path / "audit.log", event(1))
    with pytest.raises(InputError, match="missing"):
        inputs_of([str(path), str(tmp_path / "missing.log")])


def test_a_log_is_what_it_was_when_the_scan_began(tmp_path: Path) -> None:
    path = log(tmp_path / "audit.log", event(1))
    (found,) = inputs_of([str(path)])
    assert found == Input(str(path), "Plain", path.stat().st_size)
    log(path, event(1), event(2))
    assert len(list(Scan(plan(tmp_path)).run([found]))) == 1


def test_an_event_without_readable_times_does_not_count_as_of_the_scan(tmp_path: Path) -> None:
    path = log(tmp_path / "audit.log", event(1, requestReceivedTimestamp="soon", stageTimestamp=None))
    scan, matches = scanned(plan(tmp_path, now=1_767_225_600.0), path)
    assert len(matches) == 1
    assert summary(scan, duration=0)["firstTime"] is None


def test_events_of_a_list_in_one_line_are_told_apart(tmp_path: Path) -> None:
    items = b'{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[' + b",".join(
        [line(noise()), line(event(1)), line(event(2))]
    )
    _, matches = scanned(plan(tmp_path), log(tmp_path / "audit.log", items + b"]}"))
    assert places(matches) == [("audit.log", 1, 1), ("audit.log", 1, 2)]
