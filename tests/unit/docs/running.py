"""Runs the blocks of a page as a reader would, one after the other in one folder, and compares what they print.

Under a command in a ``console`` block stands what it prints: a line ``…`` stands for any lines, ``…`` inside a line for
any characters, and spaces for any number of spaces. A command under which nothing stands may print what it likes.
"""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.unit.docs.blocks import Block

SECONDS: Final = 180
POLL_SECONDS: Final = 0.5
AGAIN: Final = "until it is so"
BACKGROUND: Final = "in the background"


@dataclass(frozen=True, slots=True)
class Step:
    """One command, and what the page says it prints."""

    command: str
    expected: str = ""


class PageError(AssertionError):
    """A page says something that is not so."""


def steps_of(block: Block) -> Iterator[Step]:
    """The commands of a block: each ``$ `` of a console, or the whole as one script."""
    if block.language != "console":
        yield Step(block.text)
        return
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        match = re.match(r"(?:[^\n]*\\\n)*[^\n]*\n?", part)
        command = match.group(0) if match else part
        yield Step(command.rstrip("\n"), part[len(command) :])


def pattern(expected: str) -> re.Pattern[str]:
    """What a printed text must fit."""
    parts = [
        r"(?:[^\n]*\n)*?" if line.strip() == "…" else r"[^\n]*".join(map(_spaced, line.rstrip().split("…"))) + r" *\n"
        for line in expected.splitlines()
    ]
    return re.compile("".join(parts))


def _spaced(text: str) -> str:
    return r"\s+".join(map(re.escape, re.split(r"\s+", text)))


def run(block: Block, *, directory: Path, environment: Mapping[str, str]) -> None:
    """Run one block. Raises :class:`PageError` with what came instead of what the page says."""
    for step in steps_of(block):
        problem = _problem(block, step, directory, environment)
        deadline = time.monotonic() + SECONDS
        while problem and AGAIN in block.options and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
            problem = _problem(block, step, directory, environment)
        if problem:
            raise PageError(problem)


def _problem(block: Block, step: Step, directory: Path, environment: Mapping[str, str]) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", step.command],
        cwd=directory,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    said = f"{block}: {step.command}\nexit code {done.returncode}, printed:\n{done.stdout}"
    if done.returncode != _exit_code(block.options):
        return said
    if step.expected and not pattern(step.expected).fullmatch(_ended(done.stdout)):
        return f"{said}and the page says:\n{step.expected}"
    return ""


def _exit_code(options: Sequence[str] | frozenset[str]) -> int:
    return next((int(option.removeprefix("exit ")) for option in options if option.startswith("exit ")), 0)


def _ended(text: str) -> str:
    return text if text.endswith("\n") or not text else f"{text}\n"


def play(blocks: Sequence[Block], *, places: frozenset[str], directory: Path, environment: Mapping[str, str]) -> int:
    """Write the files and run the blocks of a page that are for ``places``; how many were run."""
    count = 0
    for block in blocks:
        if block.verb == "file":
            (directory / block.what).write_text(block.text, encoding="utf-8")
        elif block.place in places:
            run(block, directory=directory, environment=environment)
            count += 1
    return count
