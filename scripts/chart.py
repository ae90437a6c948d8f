"""Keep what the Helm chart repeats equal to its source: CRDs from crds/, and the tables of values from values.yaml.

``python scripts/chart.py`` writes; with ``--check`` it writes nothing, names what is stale and exits 1.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
CHART = ROOT / "charts" / "k10-auditwatch"
CRDS = ("auditwatches.yaml", "k10securityfindings.yaml")
BEGIN, END = "<!-- values: written by scripts/chart.py -->", "<!-- end of values -->"
PAGES = (CHART / "README.md", ROOT / "docs" / "reference" / "chart-values.md")
MARK = "# -- "


class UndocumentedError(Exception):
    """A key of values.yaml has no comment that begins with ``# -- ``."""


@dataclass(frozen=True, slots=True)
class Value:
    """One documented key."""

    path: str
    default: object
    meaning: str


def documented(text: str) -> Iterator[Value]:
    """The keys of a values.yaml, in its order, down to those that are documented.

    A mapping with a comment of its own is one value. Raises :class:`UndocumentedError` for a key with none.
    """
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    assert isinstance(node, yaml.MappingNode)
    yield from _below(node, yaml.safe_load(text), text.splitlines(), "")


def _below(node: yaml.MappingNode, values: Mapping[str, Any], lines: list[str], path: str) -> Iterator[Value]:
    for key, child in node.value:
        name = f"{path}{key.value}"
        meaning = _comment(lines, key.start_mark.line)
        if meaning:
            yield Value(name, values[key.value], meaning)
        elif isinstance(child, yaml.MappingNode) and child.value:
            yield from _below(child, values[key.value], lines, f"{name}.")
        else:
            raise UndocumentedError(
                f"values.yaml:{key.start_mark.line + 1}: {name}: write what it means in a line `{MARK}…` above it"
            )


def _comment(lines: list[str], line: int) -> str:
    """The comment right above a line, from its ``# -- `` on."""
    block: list[str] = []
    while line and lines[line - 1].strip().startswith("#"):
        line -= 1
        block.insert(0, lines[line].strip())
    begins = [index for index, each in enumerate(block) if each.startswith(MARK)]
    return " ".join(each.removeprefix(MARK).removeprefix("#").strip() for each in block[begins[-1] :]) if begins else ""


def table(values: Iterator[Value]) -> str:
    """The values as Markdown."""
    rows = [
        f"| `{each.path}` | `{json.dumps(each.default)}` | {each.meaning.replace('|', chr(92) + '|')} |"
        for each in values
    ]
    return "\n".join(["| value | default | meaning |", "|---|---|---|", *rows])


def with_table(page: str, rows: str) -> str:
    """A page with the rows between its two marks. Raises ``ValueError`` where it has no marks."""
    before, rest = page.split(BEGIN, maxsplit=1)
    return f"{before}{BEGIN}\n{rows}\n{END}{rest.split(END, maxsplit=1)[1]}"


def wanted() -> dict[Path, str]:
    """What each repeating file should hold."""
    files = {CHART / "files" / "crds" / name: (ROOT / "crds" / name).read_text(encoding="utf-8") for name in CRDS}
    rows = table(documented((CHART / "values.yaml").read_text(encoding="utf-8")))
    return files | {page: with_table(page.read_text(encoding="utf-8"), rows) for page in PAGES}


def main(arguments: list[str]) -> int:
    """Exit code 1 where something is stale (with ``--check``) or undocumented."""
    try:
        files = wanted()
    except UndocumentedError as error:
        print(f"error: {error}")
        return 1
    stale = [path for path, text in files.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path in stale:
        if "--check" in arguments:
            print(f"{path.relative_to(ROOT)}: is not what it repeats; run: python scripts/chart.py")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(files[path], encoding="utf-8")
            print(f"{path.relative_to(ROOT)}: written")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
