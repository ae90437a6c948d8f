"""Which files make another image, what is built, and which archives are kept."""

import os
from pathlib import Path

import pytest

from tests.cluster.errors import ClusterError
from tests.images import base
from tests.images.project import IN_USE_SECONDS, INPUTS, digest, prune, snapshot


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    root = tmp_path / "checkout"
    for name in INPUTS:
        path = root / (f"{name}/auditwatch/room.py" if name == "operator" else name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return root


@pytest.mark.parametrize("name", [*(name for name in INPUTS if name != "operator"), "operator/auditwatch/room.py"])
def test_a_change_of_any_input_is_another_image(checkout: Path, name: str) -> None:
    before = digest(checkout, "amd64")

    (checkout / name).write_text("changed")

    assert digest(checkout, "amd64") != before


def test_a_renamed_file_is_another_image(checkout: Path) -> None:
    before = digest(checkout, "amd64")

    room = checkout / "operator" / "auditwatch" / "room.py"
    room.rename(room.with_name("hall.py"))

    assert digest(checkout, "amd64") != before


def test_bytecode_and_what_is_not_shipped_make_no_other_image(checkout: Path) -> None:
    before = digest(checkout, "amd64")

    (checkout / "operator" / "auditwatch" / "__pycache__").mkdir()
    (checkout / "operator" / "auditwatch" / "__pycache__" / "room.pyc").write_text("")
    (checkout / "CHANGELOG.md").write_text("news")

    assert digest(checkout, "amd64") == before


def test_a_snapshot_is_the_same_image_whatever_is_edited_afterwards(checkout: Path, tmp_path: Path) -> None:
    before = digest(checkout, "amd64")

    copied = snapshot(checkout, tmp_path / "copy")
    (checkout / "Dockerfile").write_text("changed")

    assert digest(copied, "amd64") == before


def test_the_archives_used_last_are_kept_and_bases_are_left_alone(tmp_path: Path) -> None:
    for age, name in enumerate(["project-a.tar", "project-b.tar", "project-c.tar", "base-d.tar"]):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (1000 - age, 1000 - age))

    prune(tmp_path, keep=2, now=1000 + 2 * IN_USE_SECONDS)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["base-d.tar", "project-a.tar", "project-b.tar"]


def test_an_image_that_tests_may_still_be_reading_is_kept_however_many_were_built_since(tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / f"project-{number}.tar").touch()
        os.utime(tmp_path / f"project-{number}.tar", (1000 * number, 1000 * number))

    prune(tmp_path, keep=1, now=2000 + IN_USE_SECONDS)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["project-2.tar", "project-3.tar", "project-4.tar"]


def test_the_mirror_of_the_base_is_the_one_apt_uses() -> None:
    listing = (
        "https://tools.example/apt extra\nhttp://mirror.example/debian/ main\nhttp://mirror.example/security/ main\n"
    )

    assert base.mirror(listing) == "http://mirror.example/debian/"


def test_a_machine_without_package_indexes_is_told_what_to_do() -> None:
    with pytest.raises(ClusterError, match="apt-get update"):
        base.mirror("")
