"""All files of one log: which are open, which were read, which are new since the last look at the directory.

``rotation.py`` and ``identity.py`` decide; this is the hand that lists, opens and closes. Its rule: a file is let go of
only when a later one has taken its place and nothing came for a while, and is known again by what is in it. What
cannot be opened yet waits, and whatever waited and is gone was lost: that is told too, once it is certain.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

from auditwatch.sources.file import gaps
from auditwatch.sources.file.compressed import DamagedGzipError, GzipContent, UnfinishedGzipError
from auditwatch.sources.file.content import Content, PlainContent, open_regular
from auditwatch.sources.file.framing import Line
from auditwatch.sources.file.habits import Habits
from auditwatch.sources.file.identity import begin_alike
from auditwatch.sources.file.known import Known, has_more
from auditwatch.sources.file.listing import list_log
from auditwatch.sources.file.missing import Missing
from auditwatch.sources.file.naming import Grammar
from auditwatch.sources.file.position import FilePosition, Position
from auditwatch.sources.file.reading import Reader, is_copy
from auditwatch.sources.file.rotation import (
    Entry,
    State,
    expect_last,
    in_order,
    is_superseded,
    newest_backup,
    read_up_to,
    to_examine,
)
from auditwatch.sources.file.trouble import Trouble, absent, explain, refuse

OPEN_FILES = 16


class Files:
    """Times called ``now`` are monotonic seconds; ``clock`` tells the time of day."""

    def __init__(self, path: Path, position: Position | None, habits: Habits, clock: Callable[[], float]) -> None:
        self.readers: list[Reader] = []
        self.waiting: list[Entry] = []
        """Unread files beyond those that may be open at once, or that could not be opened when they were looked at."""
        self.trouble: Trouble | None = Trouble("Starting", "")
        self.gaps: list[gaps.FileGap] = []
        """Found since they were taken last."""
        self.seen = position.seen if position else clock()
        self._path = path
        self._grammar = Grammar(path)
        self._habits = habits
        self._clock = clock
        self._known = Known(expect_last(position.files) if position else ())
        self._before = position.before if position else ""
        self._has_begun = position is not None
        self._settled: set[State] = set()
        self._unfinished: dict[State, float] = {}
        self._entries: list[Entry] = []
        self._is_torn = False
        """Whether the last look may have missed a file that was there."""
        self._is_unsure = False
        self._missing = Missing()
        self._lost_since = math.inf
        self._had_live = False

    def look(self, now: float) -> None:
        """See what there is, follow what was renamed, open what is new."""
        self.trouble = None
        try:
            everything, self._is_torn = list_log(self._path.parent, self._grammar)
        except OSError as error:
            self.trouble = explain(error, self._path.parent)
            self._has_begun = self._has_begun or isinstance(error, FileNotFoundError)
            return
        self._is_unsure = self._is_torn
        self._begin(everything)
        self._entries = in_order(everything)
        self._follow_names(now)
        self._open_new(now)
        self._see_successors()
        self._check_live(now)
        self._miss_known(now)
        self._forget(everything)

    @property
    def has_begun(self) -> bool:
        """Whether it is settled which files there were before the log was first read."""
        return self._has_begun

    @property
    def is_complete(self) -> bool:
        """Whether everything there is, is open: once all readers are at their end, nothing is left."""
        is_open = self.trouble is None and not (self.waiting or self._is_unsure)
        return is_open and not (self._missing.names or self._known.unfinished())

    def in_order(self) -> list[Reader]:
        """The open files, oldest first."""
        return sorted(self.readers, key=lambda reader: reader.name.stamp)

    def behind(self) -> int:
        """Bytes not read yet."""
        return sum(reader.behind for reader in self.readers) + sum(entry.size for entry in self.waiting)

    def position(self) -> Position:
        """Where all of it stands."""
        begun = (reader for reader in self.in_order() if reader.current_head())
        files = (*self._known.files, *(reader.position() for reader in begun))
        return Position(files=files, before=self._before, seen=self.seen)

    def retire(self, reader: Reader, now: float) -> list[Line]:
        """Let go of a file that was rotated away and has gone quiet; its last line, if it was never finished."""
        if not reader.is_quiet(now, self._habits.grace):
            return []
        if now - reader.superseded_since < self._habits.grace or reader.is_astray:
            return reader.complete_rest()
        lines = reader.framer.finish()
        self._settle(reader, size=reader.framer.offset)
        self.drop(reader, has_ended=True)
        return lines

    def drop(self, reader: Reader, *, has_ended: bool) -> None:
        """Close a file and remember how far it was read."""
        self._known.add(reader.position(has_ended=has_ended))
        self.readers.remove(reader)
        reader.content.close()

    def cut_short(self, reader: Reader) -> None:
        """The file was truncated under its reader: whatever is in it now is a new one."""
        read, size = reader.framer.end, reader.content.size()
        self.gaps.append(gaps.log_truncated(reader.name, read=read, size=size, start=self.seen, end=self._clock()))
        self.drop(reader, has_ended=True)

    def give_up(self, reader: Reader, problem: str) -> list[Line]:
        """A compressed backup cannot be read any further; its last line as far as it goes."""
        lines = reader.framer.finish()
        problem = f"{problem} (byte {reader.framer.offset} uncompressed)"
        self.gaps.append(gaps.backup_unreadable(reader.name, problem, start=self._begin_of(reader.name.stamp)))
        self._settle(reader)
        self.drop(reader, has_ended=True)
        return lines

    def close(self) -> None:
        """Close everything."""
        for reader in self.readers:
            reader.content.close()
        self.readers.clear()

    def _settle(self, reader: Reader, *, size: int | None = None) -> None:
        """As the file is now (where it has that many bytes), there is nothing more to read in it."""
        same = (entry for entry in self._entries if entry.id == reader.content.inode)
        self._settled.update(entry.state for entry in same if size in {None, entry.size})

    def _forget(self, everything: list[Entry]) -> None:
        """What is gone, and backups of long ago: once nothing among them waits, they are not looked at again."""
        if not (self._is_unsure or self.waiting):
            self._before = read_up_to(self._entries, settled=self._settled, before=self._before)
        self._known.forget({entry.name.text: entry.name.stamp > self._before for entry in everything})
        states = {entry.state for entry in everything}
        self._settled &= states
        self._unfinished = {state: since for state, since in self._unfinished.items() if state in states}

    def _begin(self, entries: list[Entry]) -> None:
        if not self._has_begun:
            self._before = newest_backup(entries) if self._habits.start == "Live" else ""
            self._has_begun = True

    def _follow_names(self, now: float) -> None:
        by_id = {entry.id: entry for entry in self._entries}
        for reader in self.readers:
            inode = reader.content.inode
            if entry := by_id.get(inode):
                reader.name = entry.name
            has_successor = is_superseded(reader.name.stamp, inode, self._entries)
            reader.superseded_since = min(reader.superseded_since, now) if has_successor else math.inf

    def _see_successors(self) -> None:
        """Between a file that has a name and a later one that is known too, none went unseen."""
        if self._is_torn:
            return
        named = {entry.id for entry in self._entries}
        for reader in self.readers:
            has_successor = reader.superseded_since < math.inf and reader.content.inode in named
            reader.is_followed = reader.is_followed or has_successor

    def _open_new(self, now: float) -> None:
        held = {reader.content.inode for reader in self.readers}
        unread = to_examine(self._entries, held=held, settled=self._settled, before=self._before)
        looks_for_copies = any(reader.is_astray for reader in self.readers)
        waited, self.waiting = self.waiting, []
        for entry in unread:
            if len(self.readers) < OPEN_FILES or entry.name.is_live or looks_for_copies:
                self._examine(entry, now)
            else:
                self.waiting.append(entry)
        present = {entry.name.stamp for entry in self._entries} | {reader.name.stamp for reader in self.readers}
        lost = self._missing.look(waited, present)
        self.gaps += [gaps.backup_lost(name, start=self._begin_of(name.stamp)) for name in lost]

    def _examine(self, entry: Entry, now: float) -> None:
        """Open a file, and keep it open if there is something to read in it and room for one more."""
        path = self._path.with_name(entry.name.text)
        try:
            descriptor = open_regular(path)
        except OSError as error:
            self._put_off(entry, explain(error, path))
            return
        content = GzipContent(descriptor) if entry.name.is_gzip else PlainContent(descriptor)
        is_kept = False
        try:
            is_kept = self._take(entry, content, now)
        except UnfinishedGzipError:
            self._wait_for_gzip(entry, now)
        except DamagedGzipError as error:
            self._give_up_unread(entry, str(error))
        except OSError as error:
            self._put_off(entry, explain(error, path))
        finally:
            if not is_kept:
                content.close()

    def _take(self, entry: Entry, content: Content, now: float) -> bool:
        """Begin to read it where it was left, unless there is nothing to read in it (now, or ever)."""
        if content.inode != entry.id:  # renamed between the listing and the opening
            self._put_off(entry, None)
            return False
        head = content.head()
        if (not head and not entry.name.is_live) or self._known.has_finished(entry, content, head):
            self._settled.add(entry.state)
            return False
        if self._has_open_twin(entry, content, head):
            self._doubt(None)
            return False
        known = self._known.recognise(entry, content, head)
        if known and known.ended and not has_more(content, known):
            self._settled.add(entry.state)
            return False
        offset = known.offset if known else 0
        # A file that was left alone for a while needs no time of grace of its own.
        since = now if self._is_fresh(entry) else now - self._habits.grace
        reader = Reader.start(entry.name, content, offset, since=since, limit=self._habits.line_limit)
        if is_superseded(entry.name.stamp, entry.id, self._entries):
            reader.superseded_since = since
        return self._admit(entry, reader, known)

    def _admit(self, entry: Entry, reader: Reader, known: FilePosition | None) -> bool:
        """Whether there is room for it; else it waits."""
        has_room = len(self.readers) < OPEN_FILES
        if known and (has_room or entry.name.is_live):
            self._known.remove(known)
        if has_room:
            self.readers.append(reader)
            return True
        self.waiting.append(entry)
        if entry.name.is_live:
            self._expect(reader)
        return False

    def _expect(self, reader: Reader) -> None:
        """The live file waits. By its turn it may have any name: its first bytes will tell it, if there are any yet."""
        if reader.head:
            self._known.add(reader.position())
        else:
            self._is_torn = True

    def _has_open_twin(self, entry: Entry, content: Content, head: bytes) -> bool:
        """Whether an open file is the same log: the copy is judged once that one has been read to its end."""
        for reader in self.readers:
            if begin_alike(reader.current_head(), head) and is_copy(entry, content, reader):
                if entry.name.is_gzip:
                    reader.name = entry.name
                return True
        return False

    def _is_fresh(self, entry: Entry) -> bool:
        """Written to just now, by a clock that may have been set since."""
        return abs(self._clock() - entry.changed / 1e9) < self._habits.grace

    def _wait_for_gzip(self, entry: Entry, now: float) -> None:
        if now - self._unfinished.setdefault(entry.state, now) >= self._habits.patience:
            self._give_up_unread(entry, "was never finished")
        else:
            self._put_off(entry, None)

    def _give_up_unread(self, entry: Entry, problem: str) -> None:
        start = self._begin_of(entry.name.stamp)
        self.gaps.append(gaps.backup_unreadable(entry.name, problem, start=start))
        self._settled.add(entry.state)

    def _put_off(self, entry: Entry, trouble: Trouble | None) -> None:
        """It could not be examined this time."""
        self.waiting.append(entry)
        self._is_torn = self._is_torn or entry.name.is_live
        self._doubt(trouble)

    def _doubt(self, trouble: Trouble | None) -> None:
        """Something could not be examined: nothing is to be concluded from what was not found."""
        self._is_unsure = True
        self.trouble = self.trouble or trouble

    def _check_live(self, now: float) -> None:
        live = next((entry for entry in self._entries if entry.name.is_live), None)
        was_there, self._had_live = self._had_live, live is not None
        if live is None:
            # Between the two steps of a rotation there is none for a moment.
            self.trouble = self.trouble or (None if was_there else absent(self._path))
        elif not live.is_regular:
            self.trouble = refuse(self._path)
        for reader in self.readers:
            self._check_link(reader, now)

    def _check_link(self, reader: Reader, now: float) -> None:
        """A file that lost its name before its successor was seen: there may have been others between them."""
        if reader.is_followed or reader.name.is_gzip or not reader.has_been_unlinked(now, self._habits.grace):
            return
        start, end = self.seen, self._clock()
        if reader.name.is_live:
            self.gaps.append(gaps.log_removed(reader.name, start=start, end=end))
        else:
            self.gaps.append(gaps.history_lost([reader.name.text], start=start, end=end))

    def _miss_known(self, now: float) -> None:
        """Files whose rest was to be read, of which there is no trace: reported when that is certain."""
        lost = self._known.unfinished()
        if not lost or self._is_unsure or self.waiting:
            self._lost_since = math.inf
            return
        self._lost_since = min(self._lost_since, now)
        if now - self._lost_since >= self._habits.grace:
            first = (reader.first_event for reader in self.in_order() if reader.first_event is not None)
            names = [one.name for one in lost]
            self.gaps.append(gaps.history_lost(names, start=self.seen, end=next(first, self._clock())))
            self._known.end_all()

    def _begin_of(self, stamp: str) -> float:
        """When the file with this stamp was begun, by the name of the one before it."""
        times = [entry.name.time for entry in self._entries if entry.name.stamp < stamp]
        return next((time for time in reversed(times) if time is not None), self.seen)
