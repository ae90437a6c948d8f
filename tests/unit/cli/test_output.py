"""What cannot be printed is told in a sentence and exits with 2, for every command."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from auditwatch.cli.output import UNWRITABLE
from tests.unit.scan.making import event, log

COMMANDS = [
    ["--version"],
    ["--help"],
    ["crds"],
    ["policy", "render"],
    ["scan", "audit.log"],
    ["scan", "audit.log", "-o", "json"],
    ["scan", "audit.log", "-o", "matches"],
    ["test", "rules.yaml"],
    ["webhook-config", "--help"],
]
needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    log(tmp_path / "audit.log", event(1))
    (tmp_path / "rules.yaml").write_text("- name: a\n  match: {users: [eve]}\n", encoding="utf-8")
    return tmp_path


def _run(folder: Path, words: list[str], redirected: str, **environment: str) -> subprocess.CompletedProcess[str]:
    shell = ["sh", "-c", f'exec "$@" {redirected}', "sh", sys.executable, "-m", "auditwatch", *words]
    return subprocess.run(
        shell,
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_closed_output_is_told(folder: Path, words: list[str]) -> None:
    done = _run(folder, words, ">&-")
    assert (done.returncode, done.stderr) == (
        UNWRITABLE,
        "error: standard output cannot be written to: it is closed\n",
    )


@needs_full
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_is_told(folder: Path, words: list[str], unbuffered: str) -> None:
    done = _run(folder, words, ">/dev/full", PYTHONUNBUFFERED=unbuffered)
    assert (done.returncode, done.stderr.splitlines()[-1:]) == (
        UNWRITABLE,
        ["error: standard output cannot be written to: No space left on device"],
    )
    assert "Traceback" not in done.stderr
    assert "ignored" not in done.stderr


def test_a_closed_output_and_nowhere_to_complain_is_an_exit_code(folder: Path) -> None:
    assert _run(folder, ["scan", "audit.log"], ">&- 2>&-").returncode == UNWRITABLE


def test_without_a_place_for_complaints_a_scan_goes_on(folder: Path) -> None:
    done = _run(folder, ["scan", "audit.log"], "2>&-")
    assert (done.returncode, done.stdout[:4]) == (1, "HIGH")


def test_a_closed_input_is_told(folder: Path) -> None:
    done = _run(folder, ["scan", "-"], "<&-")
    assert (done.returncode, done.stderr) == (UNWRITABLE, "error: -: cannot be read: standard input is closed\n")


def test_what_is_written_keeps_its_exit_code(folder: Path) -> None:
    assert [_run(folder, words, "").returncode for words in (["--version"], ["scan", "audit.log"], ["scan"])] == [
        0,
        1,
        2,
    ]
