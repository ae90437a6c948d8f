"""A log as kube-apiserver keeps it, in a directory of the test's: real files, real renames, a clock that is stepped.

``Log`` rotates as lumberjack does: rename to a name with the time, create anew without O_APPEND, compress and prune.
"""

from __future__ import annotations

import gzip
import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from auditwatch.sources.file.framing import Line
from auditwatch.sources.file.gaps import FileGap
from auditwatch.sources.file.habits import Habits
from auditwatch.sources.file.position import Position, decode, encode
from auditwatch.sources.file.tail import FileTail

STEP_SECONDS = 0.5
SETTLED = 16
"""Steps after which every grace has passed."""
EPOCH = 1_767_225_600.0  # 2026-01-01


def event(number: int | str, *, padding: int = 0, second: int = 0) -> bytes:
    """One audit event, as the API server writes it at Metadata."""
    return (
        '{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"'
        f'{"x" * padding}{number}","stage":"ResponseComplete",'
        f'"requestURI":"/apis/config.kio.kasten.io/v1alpha1/namespaces/kasten-io/policies/{number}","verb":"delete",'
        '"user":{"username":"eve"},"objectRef":{"resource":"policies","namespace":"kasten-io","name":"p",'
        '"apiGroup":"config.kio.kasten.io","apiVersion":"v1alpha1"},"responseStatus":{"metadata":{},"code":200},'
        f'"requestReceivedTimestamp":"2026-01-01T00:00:{second:02d}.000000Z",'
        f'"stageTimestamp":"2026-01-01T00:00:{second:02d}.000001Z"}}'
    ).encode()


def number_of(data: bytes) -> str:
    """Of an event made here."""
    uri: str = msgspec.json.decode(data)["requestURI"]
    return uri.rpartition("/")[2]


class Log:
    """The writer. Rotations are a millisecond apart by their names."""

    def __init__(self, path: Path, *, keep: int = 100, compress: bool = False) -> None:
        self.path = path
        self.rotations = 0
        self.written = 0
        self._keep = keep
        self._compress = compress
        self._file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)

    def write(self, data: bytes) -> None:
        """Bytes as they are, in one call."""
        os.write(self._file, data)

    def events(self, count: int, *, padding: int = 0) -> None:
        """The next ``count`` events, numbered on, one write each."""
        for _ in range(count):
            self.write(event(self.written, padding=padding) + b"\n")
            self.written += 1

    def rotate(self) -> Path:
        """Rename and begin anew; the backup."""
        backup = self.rename()
        self.create()
        self.mill()
        return backup

    def rename(self) -> Path:
        """The first half: the live file gets its backup's name. Its descriptor stays open in ``old``."""
        backup = self.path.with_name(backup_name(self.path, self.rotations))
        self.rotations += 1
        self.path.rename(backup)
        return backup

    def create(self) -> None:
        """The second half: a new live file, written without O_APPEND."""
        os.close(self._file)
        self._file = os.open(self.path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)

    def mill(self) -> None:
        """Compress and prune, as a thread of the API server does after each rotation."""
        backups = sorted(self.path.parent.glob(f"{self.path.stem}-*"))
        for old in backups[: max(0, len(backups) - self._keep)]:
            old.unlink()
        if self._compress:
            for plain in sorted(self.path.parent.glob(f"{self.path.stem}-*{self.path.suffix}")):
                compress(plain)

    def close(self) -> None:
        os.close(self._file)


def backup_name(path: Path, number: int) -> str:
    return (
        f"{path.stem}-2026-01-01T00-{number // 60_000:02d}-{number // 1000 % 60:02d}.{number % 1000:03d}{path.suffix}"
    )


def compress(plain: Path) -> Path:
    """Both names exist for a moment."""
    packed = plain.with_name(plain.name + ".gz")
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    plain.unlink()
    return packed


@dataclass
class Watcher:
    """Steps a tail by hand and keeps what it gave. ``restart`` goes on from the last position, through its encoding."""

    path: Path
    habits: Habits = field(default_factory=lambda: Habits(start="Beginning"))
    position: Position | None = None
    lines: list[tuple[str, Line]] = field(default_factory=list)
    gaps: list[FileGap] = field(default_factory=list)
    now: float = 1000.0
    time: Callable[[], float] = time.time
    tail: FileTail = field(init=False)

    def __post_init__(self) -> None:
        self.tail = self._new_tail()

    def step(self, times: int = 1) -> None:
        for _ in range(times):
            batch = self.tail.step()
            self.now += STEP_SECONDS
            if batch is not None:
                self.lines += [(batch.file, line) for line in batch.records]
                self.gaps += batch.gaps
                self.position = batch.position_after
                self.tail.acknowledge(batch.position_after)

    def settle(self) -> None:
        """Step until nothing more is to be expected."""
        self.step(SETTLED)

    def restart(self) -> None:
        """As after a kill: what was not acknowledged is forgotten."""
        self.tail.close()
        self.position = decode(encode(self.position)) if self.position else None
        self.tail = self._new_tail()

    @property
    def numbers(self) -> list[str]:
        """Of the events, in the order in which they came; what is no event of ours is left out."""
        return [number_of(line.data) for _, line in self.lines if line.form == "Whole" and line.data[:1] == b"{"]

    @property
    def data(self) -> list[bytes]:
        return [line.data for _, line in self.lines]

    @property
    def reasons(self) -> list[str]:
        return [gap.reason for gap in self.gaps]

    @property
    def state(self) -> str:
        trouble = self.tail.figures.trouble
        return trouble.state if trouble else "Reading"

    def _new_tail(self) -> FileTail:
        return FileTail(self.path, self.position, clock=self.time, monotonic=lambda: self.now, habits=self.habits)


def expected(count: int) -> list[str]:
    return [str(number) for number in range(count)]


def doubled(numbers: list[str]) -> set[str]:
    return {number for number, count in Counter(numbers).items() if count > 1}
