"""``auditwatch agent`` when it cannot run. That it runs is shown in tests/unit/runtime/test_agent.py."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from auditwatch.cli.main import app
from auditwatch.sources.file.checkpoint import Checkpoint


def flags(directory: Path, **more: str) -> list[str]:
    given = {
        "url": "https://127.0.0.1:1",
        "instance": "n",
        "path": str(directory / "audit.log"),
        "state-file": str(directory / "position"),
        "token-file": str(directory / "token"),
        **more,
    }
    return ["agent", *(part for name, value in given.items() for part in (f"--{name}", value))]


def test_a_wrong_setting_is_a_sentence_and_exit_code_2(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, flags(tmp_path, url="http://operator"))

    assert result.exit_code == 2
    assert "error: command line: url: must look like https://host:port" in result.output
    assert "Traceback" not in result.output


def test_a_second_agent_on_one_state_file_is_a_sentence_and_exit_code_1(tmp_path: Path) -> None:
    first = Checkpoint(tmp_path / "position")
    result = CliRunner().invoke(app, flags(tmp_path))
    first.close()

    assert result.exit_code == 1
    assert "held by another process" in result.output


def test_the_nodes_name_comes_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NODE_NAME", "Not a name")
    without = flags(tmp_path)
    at = without.index("--instance")
    result = CliRunner().invoke(app, without[:at] + without[at + 2 :])

    assert result.exit_code == 2
    assert "instance" in result.output
