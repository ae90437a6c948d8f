"""Files and directories that are not there yet, go away, or may not be read (R17 and R18 of the reliability matrix)."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from auditwatch.sources.file.habits import Habits
from tests.unit.sources.file.making import Log, Watcher, expected


def test_r17_a_file_that_is_not_there_yet_is_waited_for(path: Path) -> None:
    watcher = Watcher(path, habits=Habits())
    watcher.settle()
    assert watcher.state == "Absent"
    assert watcher.tail.figures.trouble
    assert "--audit-log-path" in watcher.tail.figures.trouble.message

    log = Log(path)
    log.events(2)
    watcher.step()
    log.rotate()
    log.events(1)
    watcher.settle()
    log.close()

    assert watcher.numbers == expected(3), "from its beginning, as all of it is new"
    assert watcher.state == "Reading"


def test_r17_a_directory_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "kubernetes" / "audit.log"
    watcher = Watcher(path, habits=Habits())
    watcher.settle()
    assert watcher.state == "Absent"

    path.parent.mkdir()
    log = Log(path)
    log.events(2)
    log.rotate()
    log.events(2)
    watcher.settle()
    log.close()

    assert watcher.numbers == expected(4)


def test_a_directory_that_goes_away_and_comes_back_is_not_read_twice(tmp_path: Path) -> None:
    path = tmp_path / "kubernetes" / "audit.log"
    path.parent.mkdir()
    log, watcher = Log(path), Watcher(path)
    log.events(3)
    log.rotate()
    log.events(3)
    watcher.settle()
    path.parent.rename(tmp_path / "away")
    watcher.settle()
    assert watcher.state == "Absent"

    (tmp_path / "away").rename(path.parent)
    log.events(1)
    watcher.settle()
    log.close()

    assert watcher.numbers == expected(7)
    assert watcher.gaps == []


def test_a_directory_made_anew_by_the_api_server_is_read(tmp_path: Path) -> None:
    path = tmp_path / "kubernetes" / "audit.log"
    path.parent.mkdir()
    log, watcher = Log(path), Watcher(path)
    log.events(3)
    watcher.settle()
    shutil.rmtree(path.parent)
    log.events(1)
    watcher.settle()
    path.parent.mkdir(mode=0o755)
    log.create()
    log.events(1)
    watcher.settle()
    log.close()

    assert watcher.numbers == expected(5)
    assert watcher.reasons == ["LogRemoved"]


def test_r18_a_file_out_of_reach_is_said_with_the_fix_and_read_when_allowed(
    log: Log, watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.events(2)
    denied = {"is": True}
    really_open = os.open

    def guarded(name: str | Path, flags: int, mode: int = 0o777) -> int:
        if denied["is"] and Path(name) == log.path:
            raise PermissionError(13, "Permission denied", str(name))
        return really_open(name, flags, mode)

    monkeypatch.setattr("auditwatch.sources.file.content.os.open", guarded)
    watcher.settle()
    assert watcher.state == "Denied"
    assert watcher.tail.figures.trouble
    assert "run auditwatch agent as user 0" in watcher.tail.figures.trouble.message

    denied["is"] = False
    watcher.settle()
    assert watcher.numbers == expected(2)
    assert watcher.state == "Reading"


def test_r18_while_something_is_out_of_reach_nothing_is_called_lost(
    log: Log, watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.events(2)
    watcher.step()
    watcher.restart()

    def denied(_name: str | Path, _flags: int) -> int:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr("auditwatch.sources.file.content.os.open", denied)
        watcher.settle()
    assert watcher.gaps == []
    log.events(1)
    watcher.settle()

    assert watcher.numbers == expected(3)
    assert watcher.gaps == []


def test_r18_a_directory_out_of_reach_is_said(watcher: Watcher, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(_directory: Path) -> object:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", denied)
    watcher.settle()

    assert watcher.state == "Denied"
