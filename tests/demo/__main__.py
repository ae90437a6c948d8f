"""``make demo``: chooses where, prepares what that takes, plays the story there, and removes all of it.

It exits 1 where a step was not found, where a finding names somebody else, or where one incident became two findings
because two sources saw it.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from tests.cluster import build
from tests.cluster.commands import FAILED, exit_code
from tests.demo import choosing, connection, probing, screen, stages, story
from tests.demo.choosing import Choice


def main() -> int:
    """Exit code: 0 where everything the intruder did was found, once and by the right name."""
    return exit_code(lambda: FAILED if demonstrate() else 0)


def demonstrate() -> list[str]:
    """All of it; what went wrong."""
    asked = choosing.wanted(os.environ)
    kubectl = build.kubernetes_binary().with_name("kubectl") if asked == "current" else None
    choice = choosing.choose(os.environ, probing.look(kubectl=kubectl))
    way = connection.chosen(os.environ, choice.place)
    tell(choice)
    began = time.monotonic()
    stages.prepare(choice)
    prepared = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="k10-auditwatch-demo-") as directory:
        stage = stages.make(choice, Path(directory), way)
        try:
            complaints = story.play(stage, way)
            told = time.monotonic()
        finally:
            screen.note("")
            with screen.timed("everything removed"):
                stage.close()
    screen.note(f"The demo took {told - prepared:.0f} s, and its preparation {prepared - began:.0f} s.")
    return complaints


def tell(choice: Choice) -> None:
    """Where, why, and what is done to this machine."""
    screen.heading(f"DEMO={choice.place}: {choosing.WORDS[choice.place]}")
    screen.note(f"Why: {choice.reason}.")
    if choice.hint:
        screen.note(f"{choice.hint[0].upper()}{choice.hint[1:]}")
    if choice.installs:
        screen.note("YES=1: these Debian packages are installed on this machine first:")
        screen.command(choosing.install_command(choice.installs))


if __name__ == "__main__":
    sys.exit(main())
