"""What makes two names the same file: not its inode, which the next log gets as soon as the last one is removed.

A file is known by its head, a hash of its first bytes that grows until 1 KiB; by its trail, a hash of the last bytes
before the offset it was read up to; and by being at least that long. The head alone would be open to whoever can make
two logs begin alike, the trail alone would cost a read of every file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable

from auditwatch.sources.file.position import FilePosition

HEAD_BYTES = 1024
_DIGEST_BYTES = 12


def digest(data: bytes) -> str:
    """24 hex digits of BLAKE2b."""
    return hashlib.blake2b(data, digest_size=_DIGEST_BYTES).hexdigest()


def has_head(known: FilePosition, head: bytes) -> bool:
    """Whether a file that begins with ``head`` (as much as there is of it, up to 1 KiB) may be the known one."""
    length = known.head_length
    return 0 < length <= len(head) and digest(head[:length]) == known.head


def begin_alike(one: bytes, other: bytes) -> bool:
    """Whether two heads agree as far as both go."""
    length = min(len(one), len(other))
    return length > 0 and one[:length] == other[:length]


def identify(
    known: Iterable[FilePosition],
    *,
    inode: tuple[int, int],
    head: bytes,
    size: int,
    trail_at: Callable[[int], bytes],
) -> FilePosition | None:
    """Which known file this is, if any. ``size`` is uncompressed; ``trail_at`` gives up to 4 KiB before an offset.

    Of several that fit, the one with the same inode, else the one read furthest.
    """
    fitting = [one for one in known if one.offset <= size and has_head(one, head)]
    fitting.sort(key=lambda one: ((one.device, one.inode) == inode, one.offset), reverse=True)
    return next((one for one in fitting if digest(trail_at(one.offset)) == one.trail), None)


def is_finished_copy(known: FilePosition, *, name: str, head: bytes, size: int) -> bool:
    """Whether a compressed backup is of a file that was read to its end, told without uncompressing all of it."""
    same_name = known.name.removesuffix(".gz") == name.removesuffix(".gz")
    return known.ended and same_name and known.offset == size and has_head(known, head)
