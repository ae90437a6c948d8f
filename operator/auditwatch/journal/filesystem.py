"""Which file system a directory lies on, because SQLite's promises end where locks and fsync are only polite words."""

from __future__ import annotations

import re
from pathlib import Path, PurePath

MOUNTINFO = Path("/proc/self/mountinfo")

NETWORK_FILESYSTEMS = frozenset(
    {"9p", "afs", "beegfs", "ceph", "cifs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "orangefs", "smb3", "smbfs"}
)
NETWORK_FUSE = re.compile(
    r"fuse\.(blobfuse2?|ceph|davfs2?|efs|gcsfuse|glusterfs|goofys|juicefs|mount-s3|rclone|s3fs|seaweedfs|sshfs|weed)"
)
_OCTAL = re.compile(r"\\([0-7]{3})")


def filesystem_of(directory: PurePath, mountinfo: str) -> str:
    """The file system type under ``directory`` (absolute, resolved), empty where no mount covers it.

    ``mountinfo`` is the text of /proc/self/mountinfo (proc_pid_mountinfo(5): mount point in field 5, type after the
    lone dash). Of equally deep mounts the later one hides the earlier.
    """
    deepest, found = -1, ""
    for line in mountinfo.splitlines():
        before, dash, after = line.partition(" - ")
        fields = before.split()
        if not dash or len(fields) < 5:
            continue
        point = PurePath(_OCTAL.sub(lambda match: chr(int(match[1], 8)), fields[4]))
        if directory.is_relative_to(point) and len(point.parts) >= deepest:
            deepest, found = len(point.parts), after.split()[0]
    return found


def is_network(filesystem: str) -> bool:
    """Whether a type names a file system that another machine serves."""
    return filesystem in NETWORK_FILESYSTEMS or NETWORK_FUSE.fullmatch(filesystem) is not None
