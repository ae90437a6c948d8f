"""Shows that a long build is alive: a moving line on a terminal, else a line now and then."""

import re
from dataclasses import dataclass
from typing import Self, TextIO

LINE_SECONDS = 15.0
TERMINAL_SECONDS = 1.0
QUIET_SECONDS = 10.0
PACKAGE = re.compile(r"[\w.~-]+(/[\w.~-]+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What is known about a running `go build -v`."""

    name: str
    total: int
    compiled: int = 0
    downloaded: int = 0

    @classmethod
    def read(cls, messages: str, *, name: str, total: int) -> Self:
        """Count what Go has reported: modules it fetches, packages it compiles."""
        lines = messages.splitlines()
        return cls(
            name=name,
            total=total,
            compiled=sum(PACKAGE.fullmatch(line) is not None for line in lines),
            downloaded=sum(line.startswith("go: downloading ") for line in lines),
        )

    def describe(self, seconds: float) -> str:
        """One line for a human."""
        parts = [f"building {self.name}: {duration(seconds)}"]
        if self.compiled:
            # The count from before the build is an estimate: it must not overtake.
            parts.append(f"{self.compiled} of {max(self.total, self.compiled)} packages compiled")
        elif self.downloaded:
            parts.append(f"{self.downloaded} modules downloaded")
        return ", ".join(parts)


class Reporter:
    """Decides when to print; time is given by the caller."""

    def __init__(self, *, output: TextIO, terminal: bool) -> None:
        self._output = output
        self._terminal = terminal
        self._next = TERMINAL_SECONDS if terminal else LINE_SECONDS

    def tick(self, progress: Progress, *, seconds: float) -> None:
        if seconds < self._next:
            return
        self._next = seconds + (TERMINAL_SECONDS if self._terminal else LINE_SECONDS)
        text = progress.describe(seconds)
        self._output.write(f"\r\033[K{text}" if self._terminal else f"{text}\n")
        self._output.flush()

    def finish(self, name: str, *, seconds: float) -> None:
        """The last line; nothing for a build nobody had to wait for."""
        if self._terminal:
            self._output.write("\r\033[K")
        if seconds >= QUIET_SECONDS:
            self._output.write(f"built {name} in {duration(seconds)}\n")
        self._output.flush()


def duration(seconds: float) -> str:
    """`9m 05s`, or `42s` below a minute."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m {rest:02}s" if minutes else f"{rest}s"
