"""An interrupt ends every command with the shell's exit code and without a word, from its first moment on."""

from __future__ import annotations

import signal
import subprocess
import sys
import tomllib

import pytest
from typer.testing import CliRunner

from auditwatch.cli.interrupts import INTERRUPTED, leaving_at_once
from auditwatch.cli.lazily import LATE
from auditwatch.cli.main import app
from tests.unit.docs.blocks import ROOT

AT_AN_IMPORT = """
import os, runpy, signal, sys

module = sys.argv.pop(1)

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == module:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupting())
runpy.run_module("auditwatch", run_name="__main__", alter_sys=True)
"""


def _interrupted_at(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", AT_AN_IMPORT, module, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("module", ["auditwatch.cli.main", "typer", "msgspec", "re2", "auditwatch.scan.pool"])
def test_an_interrupt_while_a_command_is_imported_ends_it_without_a_word(module: str) -> None:
    done = _interrupted_at(module, "scan", "/nowhere")
    assert (done.returncode, done.stdout, done.stderr) == (INTERRUPTED, "", "")


@pytest.mark.parametrize("name", LATE)
def test_so_does_one_while_a_late_command_is_imported(name: str) -> None:
    done = _interrupted_at(LATE[name][0], name, "--help")
    assert (done.returncode, done.stdout, done.stderr) == (INTERRUPTED, "", "")


@pytest.mark.parametrize(
    ("arguments", "place"),
    [
        (["crds"], "auditwatch.cli.crds.render"),
        (["policy", "render"], "auditwatch.cli.policy.chosen_k10"),
        (["scan", "-"], "auditwatch.cli.scan.chosen_k10"),
    ],
)
def test_so_does_one_while_a_command_works(arguments: list[str], place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(place, interrupted)
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert (result.exit_code, result.output) == (INTERRUPTED, "")


def test_who_ignores_interrupts_goes_on() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with leaving_at_once():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_afterwards_an_interrupt_is_an_exception_again() -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with leaving_at_once():
            assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_the_console_script_begins_where_the_module_does() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["scripts"] == {"auditwatch": "auditwatch.__main__:main"}


def test_what_begins_imports_next_to_nothing() -> None:
    code = (
        "import sys, auditwatch.__main__; print(sorted(name for name in sys.modules if name.startswith('auditwatch')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("'")[1::2] == [
        "auditwatch",
        "auditwatch.__main__",
        "auditwatch.cli",
        "auditwatch.cli.interrupts",
    ]
