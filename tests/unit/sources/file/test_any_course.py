"""Whatever happens to a log in whatever order: what was written is read, or the loss is told.

Two courses of actions. Rotation, compression, late and partial writes, kills and pauses lose nothing, double nothing
and report no gap. With truncation, removal and pruning as well, nothing is missing unless a gap says so. Each is taken
with room for every file and with room for two, where most of the log has to wait.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditwatch.sources.file import files
from tests.unit.sources.file.making import Log, Watcher, compress, doubled, event, expected

Action = Callable[["Course"], None]


class Course:
    """A log, a reader, and what has been done to both."""

    def __init__(self, directory: Path) -> None:
        self.log = Log(directory / "audit.log")
        self.watcher = Watcher(directory / "audit.log")
        self.half = b""
        self.never_whole: set[str] = set()
        """Events of which only a half was ever written."""
        self.log.events(1)
        self.watcher.step()

    def append(self) -> None:
        self.finish_half()
        self.log.events(3)

    def append_large(self) -> None:
        """Events of more than a head each, which begin differently: test_tampering.py has those that do not."""
        self.finish_half()
        for _ in range(2):
            padding = b'"userAgent":"' + b"x" * 5000 + b'","user":'
            self.log.write(event(self.log.written).replace(b'"user":', padding) + b"\n")
            self.log.written += 1

    def append_half(self) -> None:
        """The first half of an event's line; the next one to write ends it."""
        if not self.half:
            line = event(self.log.written) + b"\n"
            self.log.written += 1
            self.log.write(line[:200])
            self.half = line[200:]

    def finish_half(self) -> None:
        half, self.half = self.half, b""
        if half:
            self.log.write(half)

    def look_at_everything(self) -> None:
        self.watcher.step()
        while self.watcher.tail.figures.lag_bytes:
            self.watcher.step()

    def fill(self) -> None:
        """The API server rotates no empty file."""
        self.finish_half()
        if not self.log.path.stat().st_size:
            self.append()

    def rotate(self) -> None:
        self.fill()
        self.log.rotate()

    def rotate_with_a_late_write(self) -> None:
        """The old file gets one more event after its successor exists."""
        self.fill()
        late = os.open(self.log.path, os.O_WRONLY | os.O_APPEND)
        self.log.rotate()
        os.write(late, event(self.log.written) + b"\n")
        self.log.written += 1
        os.close(late)

    def rename_only(self) -> None:
        """A look may fall between the two steps of a rotation."""
        self.fill()
        self.log.rename()
        self.watcher.step()
        self.log.create()

    def rotate_amid_a_look(self) -> None:
        """Between the listing of the names and the look at the last of them."""
        self.fill()
        self.look_while(self.log.path, self.log.rotate)

    def compress_amid_a_look(self) -> None:
        """The backup is in the listing, its copy is not yet, and the backup is gone when it is looked at."""
        plain = sorted(self.log.path.parent.glob("audit-*.log"))
        if plain:
            self.look_while(plain[-1], lambda: compress(plain[-1]))

    def look_while(self, path: Path, happens: Callable[[], object]) -> None:
        once = [happens]
        really = Path.lstat

        def lstat(looked_at: Path) -> os.stat_result:
            if looked_at == path and once:
                once.pop()()
            return really(looked_at)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Path, "lstat", lstat)
            self.watcher.step()

    def compress_oldest(self) -> None:
        plain = sorted(self.log.path.parent.glob("audit-*.log"))
        if plain:
            compress(plain[0])

    def compress_all(self) -> None:
        for plain in sorted(self.log.path.parent.glob("audit-*.log")):
            compress(plain)

    def step(self) -> None:
        self.watcher.step()

    def rest(self) -> None:
        self.watcher.settle()

    def kill(self) -> None:
        self.watcher.restart()

    def truncate(self) -> None:
        """What was there could be read once; the writer goes on where it is."""
        self.look_at_everything()
        if self.half:
            self.never_whole.add(str(self.log.written - 1))
        self.half = b""
        os.truncate(self.log.path, 0)

    def remove(self) -> None:
        self.finish_half()
        self.look_at_everything()
        self.log.path.unlink()
        self.log.create()

    def prune(self) -> None:
        backups = sorted(self.log.path.parent.glob("audit-*"))
        if backups:
            backups[0].unlink()

    def end(self) -> None:
        self.finish_half()
        self.look_at_everything()
        for _ in range(3):
            self.watcher.settle()
        self.watcher.tail.close()
        self.log.close()


GENTLE: list[Action] = [
    Course.append, Course.append_large, Course.append_half, Course.rotate, Course.rotate_with_a_late_write,
    Course.rename_only, Course.rotate_amid_a_look, Course.compress_amid_a_look, Course.compress_oldest,
    Course.compress_all, Course.step, Course.rest, Course.kill,
]  # fmt: skip
HARSH: list[Action] = [*GENTLE, Course.truncate, Course.remove, Course.prune]
ROOM = [files.OPEN_FILES, 2]
QUICKLY = 80
EXAMPLES = int(os.environ.get("AUDITWATCH_COURSES", QUICKLY))
"""More by hand, at random, when something about rotation is changed."""
ONCE = settings(
    max_examples=EXAMPLES, deadline=None, derandomize=EXAMPLES == QUICKLY, suppress_health_check=[HealthCheck.too_slow]
)


def run(actions: list[Action], *, room: int) -> Course:
    """With no more than ``room`` files open at once."""
    directory = Path(tempfile.mkdtemp(prefix="auditwatch-"))
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(files, "OPEN_FILES", room)
            course = Course(directory)
            for action in actions:
                action(course)
            course.end()
        return course
    finally:
        shutil.rmtree(directory)


@pytest.mark.parametrize("room", ROOM)
@ONCE
@given(st.lists(st.sampled_from(GENTLE), max_size=25))
def test_without_violence_nothing_is_lost_doubled_or_called_lost(room: int, actions: list[Action]) -> None:
    course = run(actions, room=room)

    assert sorted(course.watcher.numbers, key=int) == expected(course.log.written)
    assert course.watcher.gaps == []


@pytest.mark.parametrize("room", ROOM)
@ONCE
@given(st.lists(st.sampled_from(HARSH), max_size=25))
def test_with_violence_nothing_is_missing_unless_a_gap_says_so(room: int, actions: list[Action]) -> None:
    course = run(actions, room=room)

    missing = set(expected(course.log.written)) - set(course.watcher.numbers) - course.never_whole
    assert not missing or course.watcher.gaps, missing
    assert doubled(course.watcher.numbers) == set()
