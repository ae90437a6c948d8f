"""`auditwatch crds`: prints, writes and checks."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
import yaml
from typer.testing import CliRunner

from auditwatch.api.crd import render
from auditwatch.cli.crds import crds, stale


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    app.command()(crds)
    return app


def test_without_a_directory_the_crds_are_printed_as_one_stream(app: typer.Typer) -> None:
    result = CliRunner().invoke(app, [])
    assert result.exit_code == 0
    assert [document["kind"] for document in yaml.safe_load_all(result.stdout)] == ["CustomResourceDefinition"] * 2


def test_files_are_written_byte_for_byte(app: typer.Typer, tmp_path: Path) -> None:
    directory = tmp_path / "deep" / "crds"
    assert CliRunner().invoke(app, ["--output-dir", str(directory)]).exit_code == 0
    assert {path.name: path.read_bytes().decode() for path in directory.iterdir()} == render()


def test_written_files_pass_the_check(app: typer.Typer, tmp_path: Path) -> None:
    CliRunner().invoke(app, ["--output-dir", str(tmp_path)])
    assert CliRunner().invoke(app, ["--check", "--output-dir", str(tmp_path)]).exit_code == 0


def test_a_changed_file_fails_the_check_and_is_named_with_the_fix(app: typer.Typer, tmp_path: Path) -> None:
    CliRunner().invoke(app, ["--output-dir", str(tmp_path)])
    changed = tmp_path / "auditwatches.yaml"
    changed.write_text(changed.read_text() + "\n")
    result = CliRunner().invoke(app, ["--check", "--output-dir", str(tmp_path)])
    assert result.exit_code == 1
    assert f"{changed}: not current; run: auditwatch crds --output-dir {tmp_path}" in result.output
    assert changed.read_text().endswith("\n\n"), "a check writes nothing"


def test_a_missing_file_is_stale(tmp_path: Path) -> None:
    assert stale(tmp_path, {"a.yaml": ""}) == [tmp_path / "a.yaml"]


def test_a_directory_that_cannot_be_written_is_said_without_a_traceback(app: typer.Typer, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = CliRunner().invoke(app, ["--output-dir", str(tmp_path / "file")])
    assert result.exit_code == 1
    assert "cannot write" in result.output
    assert "Traceback" not in result.output
