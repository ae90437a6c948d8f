"""Cgroups of a node, of either version: made complete, removed with all in them, and others' left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster.node import cgroups

NAME = cgroups.name_for(4711)


@pytest.fixture
def version_1(tmp_path: Path) -> Path:
    """Hierarchies as a machine of version 1 has them, and the empty one of version 2 beside them."""
    for hierarchy in ("cpuset", "memory", "systemd", cgroups.UNIFIED):
        _hierarchy(tmp_path / hierarchy)
    (tmp_path / "cpuset" / "cpuset.cpus").write_text("0-1\n")
    (tmp_path / "cpuset" / "cpuset.mems").write_text("0\n")
    return tmp_path


@pytest.fixture
def version_2(tmp_path: Path) -> Path:
    """The one hierarchy of version 2."""
    _hierarchy(tmp_path)
    (tmp_path / "cgroup.controllers").write_text("cpuset cpu io memory pids\n")
    return tmp_path


@pytest.fixture
def no_processes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A machine on which nothing runs."""
    return tmp_path_factory.mktemp("proc")


def _hierarchy(folder: Path, *pids: int) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "cgroup.procs").write_text("".join(f"{pid}\n" for pid in pids))


def test_in_version_1_every_controller_has_the_cgroup_and_processes_may_enter_it(version_1: Path) -> None:
    cgroups.make(NAME, root=version_1)

    assert {path.parent.name for path in version_1.glob(f"*/{NAME}")} == {"cpuset", "memory", "systemd"}
    assert (version_1 / "cpuset" / NAME / "cpuset.cpus").read_text() == "0-1\n"
    assert (version_1 / "cpuset" / NAME / "cpuset.mems").read_text() == "0\n"
    assert not (version_1 / NAME).exists()


def test_in_version_2_it_is_one_folder_whose_children_may_use_controllers(version_2: Path) -> None:
    cgroups.make(NAME, root=version_2)

    assert (version_2 / NAME).is_dir()
    for folder in (version_2, version_2 / NAME):
        assert (folder / "cgroup.subtree_control").read_text().startswith("+")


@pytest.fixture
def kernel(version_2: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, and a kernel that hands on what it is told to, one controller at a time."""
    write = Path.write_text

    def written(path: Path, text: str) -> int:
        if path.name != cgroups.SUBTREE:
            return write(path, text)
        offered, handed = cgroups._words(path.parent / cgroups.OFFERED), cgroups._words(path)
        if text[1:] not in offered:
            raise OSError(2, "No such file or directory")
        handed = handed | {text[1:]} if text[0] == "+" else handed - {text[1:]}
        for below in path.parent.glob(f"{cgroups.PREFIX}*"):
            write(below / cgroups.OFFERED, " ".join(sorted(handed)))
        return write(path, " ".join(sorted(handed)))

    monkeypatch.setattr(Path, "write_text", written)
    return version_2


def test_in_version_2_pods_have_what_a_kubelet_wants_and_the_machine_offers(kernel: Path) -> None:
    cgroups.make(NAME, root=kernel)

    assert cgroups._words(kernel / NAME / cgroups.OFFERED) == {"cpu", "cpuset", "memory", "pids", "io"}
    assert cgroups._words(kernel / NAME / cgroups.SUBTREE) == {"cpu", "cpuset", "memory", "pids", "io"}


def test_what_was_handed_on_for_a_node_is_taken_back_and_what_was_before_is_not(kernel: Path) -> None:
    (kernel / cgroups.SUBTREE).write_text("+memory")
    added = set(cgroups.CONTROLLERS) - cgroups.handed_on(kernel)
    cgroups.make(NAME, root=kernel)
    assert cgroups.handed_on(kernel) == {"cpu", "cpuset", "memory", "pids", "io"}

    cgroups.take_back(added, root=kernel)

    assert cgroups.handed_on(kernel) == {"memory"}


def test_a_container_that_does_not_see_the_root_has_controllers_withheld(
    version_2: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel hands none on from a folder with processes in it that is not the root (EBUSY)."""

    def busy(*_: object) -> int:
        raise OSError(16, "Device or resource busy")

    monkeypatch.setattr(Path, "write_text", busy)

    assert cgroups.withheld(version_2) == {"cpu", "cpuset", "memory", "pids"}


def test_making_it_twice_is_harmless(version_1: Path) -> None:
    cgroups.make(NAME, root=version_1)
    cgroups.make(NAME, root=version_1)

    assert (version_1 / "memory" / NAME).is_dir()


def test_it_is_removed_with_what_pods_left_in_it_and_what_runc_made_elsewhere(tmp_path: Path) -> None:
    other = cgroups.name_for(815)
    for folder in (f"memory/{NAME}/kubepods/burstable/pod1", f"{cgroups.UNIFIED}/{NAME}/kubepods", f"memory/{other}"):
        (tmp_path / folder).mkdir(parents=True)

    cgroups.remove(NAME, root=tmp_path)

    assert list(tmp_path.rglob(NAME)) == []
    assert (tmp_path / "memory" / other).is_dir()


def test_one_in_use_is_left_when_its_time_is_over(version_1: Path) -> None:
    """The kernel refuses to remove a cgroup with processes; a folder with a file in it is as stubborn."""
    cgroups.make(NAME, root=version_1)
    _hierarchy(version_1 / "memory" / NAME, 12)

    cgroups.remove(NAME, root=version_1, seconds=0)

    assert (version_1 / "memory" / NAME).is_dir()
    assert not (version_1 / "systemd" / NAME).exists()


def test_a_cgroup_without_warden_and_processes_is_abandoned(version_1: Path, no_processes: Path) -> None:
    cgroups.make(NAME, root=version_1)
    _hierarchy(version_1 / "memory" / NAME)

    assert cgroups.abandoned(root=version_1, processes=no_processes) == {NAME}


def test_a_cgroup_in_which_something_runs_is_not_abandoned(version_1: Path, no_processes: Path) -> None:
    (version_1 / "memory" / NAME / "kubepods").mkdir(parents=True)
    _hierarchy(version_1 / "memory" / NAME / "kubepods", 12)

    assert cgroups.abandoned(root=version_1, processes=no_processes) == set()


@pytest.mark.parametrize(("command", "is_abandoned"), [(b"python\0tests/cluster/warden.py\0", False), (b"sh\0", True)])
def test_a_cgroup_whose_warden_lives_is_not_abandoned_though_nothing_is_in_it_yet(
    version_1: Path, no_processes: Path, command: bytes, *, is_abandoned: bool
) -> None:
    cgroups.make(NAME, root=version_1)
    (no_processes / "4711").mkdir()
    (no_processes / "4711" / "cmdline").write_bytes(command)

    assert (NAME in cgroups.abandoned(root=version_1, processes=no_processes)) is is_abandoned


def test_cgroups_of_others_are_never_abandoned_nodes(version_1: Path, no_processes: Path) -> None:
    (version_1 / "memory" / "user.slice").mkdir()

    assert cgroups.abandoned(root=version_1, processes=no_processes) == set()


def test_a_machine_without_cgroups_has_none_that_are_writable(tmp_path: Path, version_2: Path) -> None:
    (tmp_path / "empty").mkdir()

    assert not cgroups.is_writable(tmp_path / "empty")
    assert cgroups.is_writable(version_2)
