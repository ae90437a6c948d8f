"""One open file of a log, read line by line from where it was left."""

from __future__ import annotations

import math
from dataclasses import dataclass

import msgspec

from auditwatch.sources.file.compressed import DamagedGzipError, UnfinishedGzipError
from auditwatch.sources.file.content import Content, ContentState
from auditwatch.sources.file.framing import LIMIT_BYTES, Framer, Line
from auditwatch.sources.file.gaps import written_at
from auditwatch.sources.file.identity import HEAD_BYTES, digest
from auditwatch.sources.file.naming import Name
from auditwatch.sources.file.position import FilePosition
from auditwatch.sources.file.rotation import Entry

BLOCK_BYTES = 256 << 10
_COMPLETE_BYTES = 1 << 20


class CutShortError(Exception):
    """The file no longer holds what was read from it: it was truncated, or written anew in place."""


@dataclass(slots=True, kw_only=True)
class Reader:
    """Reads ``content`` and knows since when nothing came. Times are monotonic seconds."""

    name: Name
    content: Content
    framer: Framer
    head: bytes
    """The first bytes, up to 1 KiB, as far as there are any."""
    last_growth: float
    superseded_since: float = math.inf
    is_followed: bool = False
    """Whether a later file was seen while this one still had its name: then none between them went unseen."""
    unlinked_since: float = math.inf
    has_told_unlinked: bool = False
    is_at_end: bool = False
    size: int
    state: ContentState
    first_event: float | None = None
    """Time of the first event read, seconds since the epoch; ``None`` where it carries none."""
    last_event: float | None = None

    @classmethod
    def start(cls, name: Name, content: Content, offset: int, *, since: float, limit: int = LIMIT_BYTES) -> Reader:
        """Read on from ``offset``, where a line begins; it grew last at ``since``. Raises what ``content`` raises."""
        head = content.head()
        framer = Framer(offset, content.trail_at(offset), limit=limit)
        state, size = content.state(), content.size()
        return cls(name=name, content=content, framer=framer, head=head, last_growth=since, state=state, size=size)

    def read(self, budget: int, *, now: float) -> list[Line]:
        """Lines of about ``budget`` bytes; sets ``is_at_end``.

        Raises :class:`CutShortError`, :class:`OSError`, and for gzip what ``content`` raises; then no line was read.
        """
        self._check(now)
        lines: list[Line] = []
        while budget > 0:
            lines += self._skip_hole()
            try:
                block = self.content.read(self.framer.end, min(BLOCK_BYTES, budget))
            except (OSError, UnfinishedGzipError, DamagedGzipError):
                if not lines:
                    raise
                break  # it comes again when these have been handed over
            self.is_at_end = not block
            if self.is_at_end:
                break
            lines += self.framer.feed(block)
            budget -= len(block)
        self._note_times(lines)
        return lines

    def complete_rest(self) -> list[Line]:
        """The last line, where only its newline is missing: whole JSON that nothing was added to for a while."""
        rest = self.framer.rest
        if len(rest) > _COMPLETE_BYTES or not rest.endswith(b"}"):
            return []
        try:
            msgspec.json.decode(rest)
        except (ValueError, RecursionError):
            return []
        return [Line(line.offset, line.data) for line in self.framer.finish()]

    def current_head(self) -> bytes:
        """The first bytes, up to 1 KiB, as many as there are by now."""
        if self.content.grows and len(self.head) < HEAD_BYTES:
            head = self.content.head()
            self.head = head if head.startswith(self.head) else self.head  # else it was cut since
        return self.head

    def position(self, *, has_ended: bool = False) -> FilePosition:
        """Where it stands: after the last line handed over."""
        self.current_head()
        device, inode = self.content.inode
        return FilePosition(
            name=self.name.text,
            device=device,
            inode=inode,
            head=digest(self.head),
            head_length=len(self.head),
            offset=self.framer.offset,
            trail=digest(self.framer.trail),
            size=max(self.size, self.framer.end),
            ended=has_ended,
        )

    def is_quiet(self, now: float, seconds: float) -> bool:
        """Whether all of it was read and nothing came for that long."""
        return self.is_at_end and not self.behind and now - self.last_growth >= seconds

    def has_been_unlinked(self, now: float, seconds: float) -> bool:
        """Whether it has had no name for that long; true once."""
        if self.has_told_unlinked or self.content.is_linked():
            return False
        self.unlinked_since = min(self.unlinked_since, now)
        self.has_told_unlinked = now - self.unlinked_since >= seconds
        return self.has_told_unlinked

    @property
    def is_astray(self) -> bool:
        """Whether it lost its name before its successor was seen, and it is not yet told or known what became of it."""
        is_explained = self.is_followed or self.name.is_gzip or self.has_told_unlinked
        return not (is_explained or self.content.is_linked())

    @property
    def behind(self) -> int:
        """Bytes that are there and were not read yet, as far as is known."""
        return max(0, self.size - self.framer.end)

    def _check(self, now: float) -> None:
        state, before = self.content.state(), self.state
        self.size = self.content.size()
        if self.content.grows and state.extent < before.extent:
            raise CutShortError
        if state == before and self.is_at_end:
            return
        if not self._still_holds_what_was_seen():
            raise CutShortError
        if state != before:
            self.state, self.last_growth = state, now

    def _still_holds_what_was_seen(self) -> bool:
        if self.content.grows and not self.content.head().startswith(self.head):
            return False
        return self.content.still_holds(self.framer.end, self.framer.recent)

    def _note_times(self, lines: list[Line]) -> None:
        if lines:
            self.last_event = written_at(lines[-1].data) or self.last_event
            self.first_event = self.first_event or written_at(lines[0].data)

    def _skip_hole(self) -> list[Line]:
        data = self.content.data_from(self.framer.end)
        return self.framer.jump(data) if data > self.framer.end else []


def is_copy(entry: Entry, content: Content, reader: Reader) -> bool:
    """Of files with the same head: whether one is the other, as far as both go.

    To compare more than the heads of a compressed one would mean to uncompress it: names and links tell, too.
    """
    if entry.name.is_gzip:
        return entry.name.stamp == reader.name.stamp or (reader.name.is_live and not reader.content.is_linked())
    if 0 < reader.framer.offset <= content.size():
        return content.trail_at(reader.framer.offset) == reader.framer.trail
    if not reader.content.grows:
        return entry.name.stamp == reader.name.stamp
    common = min(content.size(), reader.content.size())
    return content.trail_at(common) == reader.content.trail_at(common)
