"""The fenced blocks of the documentation, and what stands in the comment before each.

``<!-- run: PLACE, options -->``: a test runs it. ``<!-- needs: PLATFORM -->``: only a person with that platform can.
``<!-- file: NAME -->``: it is a file that later blocks of the page use.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[3]
DOCS: Final = ROOT / "docs"
PLACES: Final = ("offline", "findings", "operator")
"""offline: in a folder with some audit logs. findings: beside, an API server with findings. operator: with K10."""
ELSEWHERE: Final = {
    "runbooks/*.md": "a cluster with K10, where it happened",
    "how-to/install.md": "a cluster with K10, and Helm",
    "how-to/troubleshoot.md": "a cluster with K10",
    "how-to/share-packs-and-lists.md": "a cluster with the operator in it",
    "reference/webhook.md": "a cluster with the operator in it",
    "reference/chart-values.md": "a cluster with K10, and Helm",
}
"""Pages all of whose unmarked commands need the same platform."""
_BLOCK: Final = re.compile(
    r"^(?:<!-- (?P<verb>run|needs|file): (?P<what>[^>]*?) -->\n)?^```(?P<language>\S*)[^\n]*\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_SHELLS: Final = frozenset({"sh", "bash", "console", "shell"})
_PROGRAMS: Final = re.compile(
    r"^\s*(?:\$ |(?:auditwatch|kubectl|helm|make|oc|aws|az|gcloud|k3d|kind|jq|ssh|curl|systemctl|docker|pip) )",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One fenced block. ``verb`` and ``what`` are empty where no comment stands before it."""

    page: str
    line: int
    language: str
    text: str
    verb: str
    what: str

    @property
    def place(self) -> str:
        """Where it is run: one of :data:`PLACES`."""
        return self.what.partition(",")[0].strip() if self.verb == "run" else ""

    @property
    def options(self) -> frozenset[str]:
        """What else the comment says: ``exit 1``, ``in the background``, ``until it is so``."""
        return frozenset(each.strip() for each in self.what.split(",")[1:]) if self.verb == "run" else frozenset()

    @property
    def is_of_commands(self) -> bool:
        """Whether somebody may paste it into a terminal."""
        return self.language in _SHELLS or (not self.language and _PROGRAMS.search(self.text) is not None)

    @property
    def platform(self) -> str:
        """Whose commands they are, where no test can run them."""
        if self.verb == "needs":
            return self.what
        return next((platform for glob, platform in ELSEWHERE.items() if fnmatch(self.page, glob)), "")

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks_in(text: str, page: str) -> Iterator[Block]:
    """Every block of a page, in order."""
    for match in _BLOCK.finditer(text):
        yield Block(
            page=page,
            line=text.count("\n", 0, match.start("language")) + 1,
            language=match["language"],
            text=match["text"],
            verb=match["verb"] or "",
            what=match["what"] or "",
        )


def pages() -> dict[str, str]:
    """Every page by its path below docs/, and the README."""
    found = {path.relative_to(DOCS).as_posix(): path.read_text(encoding="utf-8") for path in sorted(DOCS.rglob("*.md"))}
    return {**found, "README.md": (ROOT / "README.md").read_text(encoding="utf-8")}


def blocks() -> list[Block]:
    """Every block of every page."""
    return [block for page, text in pages().items() for block in blocks_in(text, page)]


def pages_that_run(place: str) -> list[str]:
    """Pages with at least one block for ``place``."""
    return sorted({block.page for block in blocks() if block.place == place})
