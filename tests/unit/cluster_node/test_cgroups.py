"""Cgroups of a node on a tree of plain files: both versions and the mix, and whose may be removed."""

from pathlib import Path

import pytest

from tests.cluster.node import cgroups

NAME = cgroups.name_for(4711)


def tree(root: Path, *hierarchies: str) -> Path:
    """Version 1 as the kernel shows it."""
    for hierarchy in hierarchies:
        (root / hierarchy).mkdir()
        (root / hierarchy / "cgroup.procs").write_text("1\n")
    return root


def members(root: Path, text: str) -> None:
    """A cgroup of a node in which these processes are."""
    (root / "memory" / NAME / "kubepods" / "pod1").mkdir(parents=True)
    (root / "memory" / NAME / "kubepods" / "pod1" / "cgroup.procs").write_text(text)


def test_each_hierarchy_of_version_1_gets_one_and_cpus_are_passed_on(tmp_path: Path) -> None:
    root = tree(tmp_path, "cpuset", "memory", "perf_event")
    (root / "cpuset" / "cpuset.cpus").write_text("0-1\n")
    (root / "cpuset" / "cpuset.mems").write_text("0\n")

    cgroups.make(NAME, root=root)

    assert sorted(path.parent.name for path in root.glob(f"*/{NAME}")) == ["cpuset", "memory", "perf_event"]
    assert (root / "cpuset" / NAME / "cpuset.cpus").read_text() == "0-1\n"
    assert (root / "cpuset" / NAME / "cpuset.mems").read_text() == "0\n"


def test_the_empty_version_2_beside_version_1_is_left_to_runc_and_still_cleaned(tmp_path: Path) -> None:
    root = tree(tmp_path, "memory", cgroups.UNIFIED)
    cgroups.make(NAME, root=root)
    assert not (root / cgroups.UNIFIED / NAME).exists()
    (root / cgroups.UNIFIED / NAME / "kubepods").mkdir(parents=True)

    cgroups.remove(NAME, root=root)

    assert list(root.glob(f"*/{NAME}")) == []


def test_version_2_is_one_folder_that_passes_its_controllers_on(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpu memory pids\n")

    cgroups.make(NAME, root=tmp_path)

    assert (tmp_path / NAME / "cgroup.subtree_control").read_text().startswith("+")
    assert cgroups.is_unified(tmp_path)


def test_all_that_is_below_goes_with_it_and_nothing_beside_it(tmp_path: Path) -> None:
    root = tree(tmp_path, "memory")
    (root / "memory" / NAME / "kubepods" / "pod1" / "container").mkdir(parents=True)
    (root / "memory" / "others").mkdir()

    cgroups.remove(NAME, root=root)

    assert [path.name for path in (root / "memory").iterdir() if path.is_dir()] == ["others"]


def test_one_in_use_is_left_after_a_while(tmp_path: Path) -> None:
    """A file stands for the process: a folder that holds one cannot be removed either."""
    members(tree(tmp_path, "memory"), "12\n")

    cgroups.remove(NAME, root=tmp_path, seconds=0)

    assert (tmp_path / "memory" / NAME / "kubepods" / "pod1").is_dir()


@pytest.mark.parametrize(
    ("running", "owner", "expected"),
    [
        ("", None, {NAME}),
        ("12\n", None, set()),
        ("", b"python\0-I\0/x/warden.py\0/tmp/x\0", set()),
        ("", b"a-later-process\0", {NAME}),
    ],
    ids=["empty", "pods run", "its warden lives, pods come", "the pid is another's by now"],
)
def test_only_what_nobody_uses_or_will_remove_is_abandoned(
    tmp_path: Path, running: str, owner: bytes | None, expected: set[str]
) -> None:
    root, processes = tmp_path / "cgroup", tmp_path / "proc"
    root.mkdir()
    members(tree(root, "memory"), running)
    (root / "memory" / "kubepods").mkdir()
    if owner is not None:
        (processes / "4711").mkdir(parents=True)
        (processes / "4711" / "cmdline").write_bytes(owner)

    assert cgroups.abandoned(root=root, processes=processes) == expected


def test_a_machine_without_hierarchies_is_not_writable(tmp_path: Path) -> None:
    assert not cgroups.is_writable(tmp_path)
    assert cgroups.is_writable(tree(tmp_path, "memory"))
