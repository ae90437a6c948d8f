"""Which file system a directory lies on is read from the kernel's table of mounts."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from auditwatch.journal.filesystem import filesystem_of, is_network

MOUNTS = r"""
21 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
22 21 0:20 / /proc rw,nosuid - proc proc rw
30 21 0:40 / /data rw,relatime shared:2 - nfs4 10.0.0.1:/export rw,vers=4.2
31 30 254:1 / /data/local rw,relatime - xfs /dev/vdb rw
32 21 0:41 / /with\040space rw - cifs //server/share rw
33 21 0:42 / /twice rw - nfs server:/a rw
34 21 254:2 / /twice rw - ext4 /dev/vdc rw
35 21 0:43 / /optional rw,relatime shared:7 master:3 propagate_from:2 - fuse.sshfs host:/ rw
""".strip()


@pytest.mark.parametrize(
    ("directory", "filesystem"),
    [
        ("/var/lib/auditwatch", "ext4"),
        ("/data", "nfs4"),
        ("/data/deep/down", "nfs4"),
        ("/data/local/journal", "xfs"),
        ("/database", "ext4"),
        ("/with space/journal", "cifs"),
        ("/optional/journal", "fuse.sshfs"),
    ],
)
def test_the_deepest_mount_above_a_directory_decides(directory: str, filesystem: str) -> None:
    assert filesystem_of(PurePosixPath(directory), MOUNTS) == filesystem


def test_a_mount_over_another_hides_it() -> None:
    assert filesystem_of(PurePosixPath("/twice/journal"), MOUNTS) == "ext4"


@pytest.mark.parametrize("text", ["", "garbage", "1 2 3 - ", "21 1 254:0 / /elsewhere rw - nfs s:/ rw"])
def test_a_table_that_tells_nothing_names_no_file_system(text: str) -> None:
    assert filesystem_of(PurePosixPath("/var/lib"), text) == ""


@pytest.mark.parametrize(
    "filesystem", ["nfs", "nfs4", "cifs", "smb3", "ceph", "9p", "lustre", "fuse.sshfs", "fuse.s3fs", "fuse.glusterfs"]
)
def test_a_file_system_another_machine_serves_is_a_network_one(filesystem: str) -> None:
    assert is_network(filesystem) is True


@pytest.mark.parametrize("filesystem", ["ext4", "xfs", "btrfs", "tmpfs", "overlay", "zfs", "fuse.fuse-overlayfs", ""])
def test_a_local_file_system_is_not_a_network_one(filesystem: str) -> None:
    assert is_network(filesystem) is False
