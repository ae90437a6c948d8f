"""Programs of another architecture: what the kernel is told, and whom nothing has to be told about."""

import subprocess
from pathlib import Path

import pytest

from tests.cluster.errors import ClusterError
from tests.images import buildah, emulation
from tests.images.emulation import EMULATORS, emulated

LISTED = """\
enabled
interpreter /usr/bin/qemu-aarch64-static
flags: {flags}
offset 0
magic 7f454c460201010000000000000000000200b700
mask ffffffffffffff00fffffffffffffffffeffffff
"""
"""As the kernel shows a format it knows."""


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is run is a failure."""
    monkeypatch.setattr(subprocess, "run", lambda *argv, **_: pytest.fail(f"ran {argv}"))


@pytest.mark.usefixtures("quiet")
def test_the_machines_own_architecture_needs_no_emulator() -> None:
    with emulated(buildah.architecture()):
        pass


@pytest.mark.usefixtures("quiet")
def test_an_architecture_without_an_image_is_refused_with_those_that_have_one() -> None:
    with (
        pytest.raises(ClusterError, match=r"^s390x: no image is made for it; choose one of amd64, arm64$"),
        emulated("s390x"),
    ):
        pass


@pytest.mark.parametrize("architecture", sorted(EMULATORS))
def test_the_kernel_is_told_a_header_of_twenty_bytes_and_which_of_its_bits_count(architecture: str) -> None:
    line = EMULATORS[architecture].registration("name", "/usr/bin/emulator")

    empty, name, kind, offset, magic, mask, path, flags = line.split(":")
    assert (empty, name, kind, offset, path, flags) == ("", "name", "M", "", "/usr/bin/emulator", "F")
    assert {len(part.encode().decode("unicode_escape")) for part in (magic, mask)} == {20}


@pytest.mark.parametrize(
    ("listed", "serves"),
    [
        (LISTED.format(flags="F"), True),
        (LISTED.format(flags="POCF"), True),
        (LISTED.format(flags="OC"), False),
        (LISTED.format(flags="F").replace("enabled", "disabled"), False),
        (LISTED.format(flags="F").replace("b700", "3e00"), False),
    ],
    ids=["ours alike", "with credentials", "not in a chroot", "switched off", "of another architecture"],
)
def test_an_emulator_that_the_machine_has_is_used_where_it_works_in_a_chroot(
    tmp_path: Path, listed: str, *, serves: bool
) -> None:
    (tmp_path / "qemu-aarch64").write_text(listed)
    (tmp_path / "register").touch()
    (tmp_path / "status").write_text("enabled")

    assert emulation._has_one(tmp_path, EMULATORS["arm64"]) is serves


def test_what_a_killed_build_has_left_is_forgotten_and_what_a_living_one_needs_is_not(tmp_path: Path) -> None:
    left, needed = tmp_path / f"{emulation.OURS}arm64-999999999", tmp_path / f"{emulation.OURS}arm64-1"
    for file in (left, needed):
        file.write_text("enabled\n")

    assert not emulation._has_one(tmp_path, EMULATORS["arm64"])
    assert (left.read_text()[:2], needed.read_text()) == (emulation.FORGET, "enabled\n")
