"""Debian packages: what is missing, what is said, and that nothing is installed without consent."""

import pytest

from tests.images import packages
from tests.images.packages import MissingPackagesError, command_line, missing, require

COMMANDS = {"buildah": "buildah", "debootstrap": "debootstrap", "ctr": "containerd", "containerd": "containerd"}


def test_packages_of_the_commands_that_are_not_there_are_named_once() -> None:
    assert missing(COMMANDS, present=["buildah"]) == ("containerd", "debootstrap")
    assert missing(COMMANDS, present=COMMANDS) == ()


def test_recommended_packages_stay_out() -> None:
    assert "--no-install-recommends" in command_line(["buildah"])


def test_commands_that_are_there_need_no_consent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("YES", raising=False)

    require({"sh": "dash"})


@pytest.mark.parametrize("answer", [None, "", "0", "no"])
def test_nothing_is_installed_without_consent_and_the_command_is_told(
    monkeypatch: pytest.MonkeyPatch, answer: str | None
) -> None:
    monkeypatch.setattr(packages, "_run", lambda argv: pytest.fail(f"ran {argv}"))
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("shutil.which", lambda name: "/usr/bin/apt-get" if name == "apt-get" else None)
    if answer is None:
        monkeypatch.delenv("YES", raising=False)
    else:
        monkeypatch.setenv("YES", answer)

    with pytest.raises(MissingPackagesError, match=r"YES=1.*apt-get .*install .*a-package"):
        require({"no-such-command": "a-package"})


def test_a_person_who_is_not_root_is_told_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "_run", lambda argv: pytest.fail(f"ran {argv}"))
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setenv("YES", "1")

    with pytest.raises(MissingPackagesError, match="sudo apt-get install"):
        require({"no-such-command": "a-package"})


def test_with_consent_indexes_are_read_and_then_the_missing_packages_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[list[str]] = []
    monkeypatch.setattr(packages, "_run", ran.append)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("shutil.which", lambda name: "/usr/bin/apt-get" if name == "apt-get" else None)
    monkeypatch.setenv("YES", "1")

    require({"no-such-command": "a-package"})

    assert [argv[-1] for argv in ran] == ["update", "a-package"]
