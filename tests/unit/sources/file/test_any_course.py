"""Whatever happens to a log in whatever order: what was written is read, or the loss is told.

Two courses of actions. Rotation, compression, late and partial writes, kills and pauses lose nothing, double nothing
and report no gap. With truncation, removal and pruning as well, nothing is missing unless a gap says so.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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
        self.finish_half()
        self.log.events(2, padding=5000)

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
        self.watcher.step()
        if self.half:
            self.never_whole.add(str(self.log.written - 1))
        self.half = b""
        os.truncate(self.log.path, 0)

    def remove(self) -> None:
        self.finish_half()
        self.watcher.step()
        self.log.path.unlink()
        self.log.create()

    def prune(self) -> None:
        backups = sorted(self.log.path.parent.glob("audit-*"))
        if backups:
            backups[0].unlink()

    def end(self) -> None:
        self.finish_half()
        for _ in range(3):
            self.watcher.settle()
        self.watcher.tail.close()
        self.log.close()


GENTLE: list[Action] = [
    Course.append, Course.append_large, Course.append_half, Course.rotate, Course.rotate_with_a_late_write,
    Course.rename_only, Course.compress_oldest, Course.compress_all, Course.step, Course.rest, Course.kill,
]  # fmt: skip
HARSH: list[Action] = [*GENTLE, Course.truncate, Course.remove, Course.prune]
QUICKLY = 80
EXAMPLES = int(os.environ.get("AUDITWATCH_COURSES", QUICKLY))
"""More by hand, at random, when something about rotation is changed."""
ONCE = settings(
    max_examples=EXAMPLES, deadline=None, derandomize=EXAMPLES == QUICKLY, suppress_health_check=[HealthCheck.too_slow]
)


def run(actions: list[Action]) -> Course:
    directory = Path(tempfile.mkdtemp(prefix="auditwatch-"))
    try:
        course = Course(directory)
        for action in actions:
            action(course)
        course.end()
        return course
    finally:
        shutil.rmtree(directory)


@ONCE
@given(st.lists(st.sampled_from(GENTLE), max_size=25))
def test_without_violence_nothing_is_lost_doubled_or_called_lost(actions: list[Action]) -> None:
    course = run(actions)

    assert sorted(course.watcher.numbers, key=int) == expected(course.log.written)
    assert course.watcher.gaps == []


@ONCE
@given(st.lists(st.sampled_from(HARSH), max_size=25))
def test_with_violence_nothing_is_missing_unless_a_gap_says_so(actions: list[Action]) -> None:
    course = run(actions)

    missing = set(expected(course.log.written)) - set(course.watcher.numbers) - course.never_whole
    assert not missing or course.watcher.gaps, missing
    assert doubled(course.watcher.numbers) == set()
