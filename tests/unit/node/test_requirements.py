"""What a machine lacks for a node is said in one sentence, with what would help."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from typing import Any

import pytest

from tests.cluster.node import cgroups, requirements
from tests.cluster.node.requirements import COMMANDS, OVERLAY, NoNodeHereError
from tests.images.packages import MissingPackagesError


@pytest.fixture
def able(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine with everything; a test takes one thing away."""
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("shutil.which", lambda name: name)
    monkeypatch.setattr(cgroups, "is_writable", lambda: True)
    monkeypatch.setattr(cgroups, "is_unified", lambda: False)
    monkeypatch.setattr(subprocess, "run", _answering(""))
    return monkeypatch


def _answering(refused: str) -> Any:
    """``subprocess.run`` where every command with this word in it is refused."""

    def run(argv: Sequence[str], **_: Any) -> subprocess.CompletedProcess[str]:
        fails = bool(refused) and any(refused in part for part in argv)
        return subprocess.CompletedProcess(argv, int(fails), "", "Operation not permitted\n" if fails else "")

    return run


@pytest.mark.usefixtures("able")
def test_nothing_is_said_where_a_node_can_be_started() -> None:
    requirements.check()


def test_who_is_not_root_is_told_that_root_is_needed(able: pytest.MonkeyPatch) -> None:
    able.setattr("os.geteuid", lambda: 1000)

    with pytest.raises(NoNodeHereError, match="needs root"):
        requirements.check()


def test_another_system_is_told_that_linux_is_needed(able: pytest.MonkeyPatch) -> None:
    able.setattr("sys.platform", "darwin")

    with pytest.raises(NoNodeHereError, match="needs Linux"):
        requirements.check()


@pytest.mark.parametrize(
    ("refused", "told"),
    [("--mount-proc", "namespaces of its own"), ("veth", r"veth, bridge, nf_tables"), (OVERLAY[2], "overlay mounts")],
)
def test_what_the_kernel_refuses_is_named_with_its_own_words(able: pytest.MonkeyPatch, refused: str, told: str) -> None:
    able.setattr(subprocess, "run", _answering(refused))

    with pytest.raises(NoNodeHereError, match=rf"{told}.*refused here: Operation not permitted"):
        requirements.check()


def test_cgroups_that_are_read_only_are_told_of(able: pytest.MonkeyPatch) -> None:
    able.setattr(cgroups, "is_writable", lambda: False)

    with pytest.raises(NoNodeHereError, match="read only"):
        requirements.check()


def test_controllers_that_pods_would_not_have_are_named(able: pytest.MonkeyPatch) -> None:
    able.setattr(cgroups, "is_unified", lambda: True)
    able.setattr(cgroups, "withheld", lambda: {"memory", "cpu"})
    with pytest.raises(NoNodeHereError, match=r"cgroups with cpu, memory, which /sys/fs/cgroup does not hand on"):
        requirements.able()

    able.setattr(cgroups, "withheld", set)
    requirements.able()


def test_packages_are_named_once_the_machine_is_able(able: pytest.MonkeyPatch) -> None:
    able.setattr("shutil.which", lambda name: name if name in {"unshare", "apt-get"} else None)
    able.delenv("YES", raising=False)

    requirements.able()
    with pytest.raises(MissingPackagesError) as told:
        requirements.check()

    assert all(package in str(told.value) for package in COMMANDS.values())


def test_a_machine_that_is_not_able_is_not_offered_packages(able: pytest.MonkeyPatch) -> None:
    able.setattr("shutil.which", lambda name: name if name in {"unshare", "apt-get"} else None)
    able.setattr(cgroups, "is_writable", lambda: False)

    with pytest.raises(NoNodeHereError):
        requirements.check()
