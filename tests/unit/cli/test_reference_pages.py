"""The command that writes the generated pages of the reference: all of them, again and again the same, or a reason."""

from pathlib import Path

import pytest

from auditwatch.cli.reference import main, pages


def test_every_page_is_written_and_writing_twice_changes_nothing(tmp_path: Path) -> None:
    assert main([str(tmp_path)]) == 0
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert main([str(tmp_path)]) == 0
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert before == {name: text.encode() for name, text in pages().items()}


def test_without_a_directory_it_says_how_to_call_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "give one directory" in capsys.readouterr().err


def test_a_directory_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "none")]) == 1
    assert f"cannot write {tmp_path / 'none'}" in capsys.readouterr().err
