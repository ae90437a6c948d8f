"""Which files are read, in which order, and what is said of those that cannot be."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from auditwatch.scan.inputs import InputError, inputs_of, order_of

BACKUPS = ["audit-2026-01-02T00-00-00.000.log", "audit-2026-01-01T00-00-00.000.log.gz", "audit.log"]


def _touch(directory: Path, *names: str) -> None:
    directory.mkdir(exist_ok=True)
    for name in names:
        (directory / name).write_bytes(gzip.compress(b"{}\n") if name.endswith(".gz") else b"{}\n")


def _names(*given: Path) -> list[str]:
    return [Path(each.name).name for each in inputs_of([str(path) for path in given])]


def test_backups_of_a_directory_come_oldest_first_and_the_live_file_last(tmp_path: Path) -> None:
    _touch(tmp_path, *BACKUPS)
    assert _names(tmp_path) == [BACKUPS[1], BACKUPS[0], "audit.log"]


def test_numbered_backups_come_highest_first() -> None:
    names = ["audit.log", "audit.log.1", "audit.log.10.gz", "audit.log.2"]
    assert sorted(names, key=order_of) == ["audit.log.10.gz", "audit.log.2", "audit.log.1", "audit.log"]


def test_logs_of_several_servers_stay_together(tmp_path: Path) -> None:
    _touch(tmp_path, "a.log", "b-2026-01-01T00-00-00.000.log", "b.log", "a-2026-01-02T00-00-00.000.log")
    assert _names(tmp_path) == [
        "a-2026-01-02T00-00-00.000.log",
        "a.log",
        "b-2026-01-01T00-00-00.000.log",
        "b.log",
    ]


def test_directories_are_looked_into_and_what_is_no_log_is_left_alone(tmp_path: Path) -> None:
    _touch(tmp_path, "policy.yaml", "z.log")
    _touch(tmp_path / "node", "audit.log", "README")
    assert _names(tmp_path) == ["audit.log", "z.log"]


def test_of_a_file_and_its_compressed_copy_the_file_is_read(tmp_path: Path) -> None:
    _touch(tmp_path, "audit-2026-01-01T00-00-00.000.log", "audit-2026-01-01T00-00-00.000.log.gz")
    assert _names(tmp_path) == ["audit-2026-01-01T00-00-00.000.log"]


def test_files_given_by_name_are_in_the_order_given_whatever_they_are_called(tmp_path: Path) -> None:
    _touch(tmp_path, "b.weird", "a.log")
    assert _names(tmp_path / "b.weird", tmp_path / "a.log") == ["b.weird", "a.log"]


def test_compression_is_told_by_the_content_not_by_the_name(tmp_path: Path) -> None:
    (tmp_path / "plain.gz").write_bytes(b"{}\n")
    (tmp_path / "packed.log").write_bytes(gzip.compress(b"{}\n"))
    assert [each.form for each in inputs_of([str(tmp_path / "plain.gz"), str(tmp_path / "packed.log")])] == [
        "Plain",
        "Gzip",
    ]


@pytest.mark.parametrize(("name", "target"), [("loop", "loop"), ("loop.log", "loop.log"), ("gone.log", "nowhere")])
def test_a_link_that_leads_nowhere_is_passed_over_and_told(tmp_path: Path, name: str, target: str) -> None:
    _touch(tmp_path, "audit.log")
    (tmp_path / name).symlink_to(tmp_path / target)
    (tmp_path / "live.log").symlink_to(tmp_path / "audit.log")
    told: list[str] = []
    assert [Path(each.name).name for each in inputs_of([str(tmp_path)], told.append)] == ["audit.log", "live.log"]
    (sentence,) = told
    assert sentence.startswith(f"{tmp_path / name}: passed over, as where this link leads cannot be read: ")


def test_a_link_in_a_circle_that_is_named_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(InputError, match="loop: cannot be read: Too many levels of symbolic links"):
        inputs_of([str(tmp_path / "loop")])


def test_what_is_no_regular_file_is_read_as_a_stream(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (found, stdin) = inputs_of([str(tmp_path / "pipe"), "-"])
    assert (found.form, stdin.form) == ("Stream", "Stream")


def test_a_file_that_is_not_there_is_an_error_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.log: cannot be read: No such file"):
        inputs_of([str(tmp_path / "gone.log")])


def test_a_directory_without_logs_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no log in this directory: name the files"):
        inputs_of([str(tmp_path)])


def test_standard_input_can_be_named_once() -> None:
    with pytest.raises(InputError, match="only once"):
        inputs_of(["-", "-"])
