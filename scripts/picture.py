"""docs/demo.svg, the README's picture: what `make demo` really printed, of it the commands and the findings.

`python scripts/picture.py docs/demo.svg` runs the demo; `… docs/demo.svg FILE` takes what an earlier run printed.
Nothing is drawn by hand, and the picture names no font to fetch.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

WIDTH = 132
SHOWN = ("An intruder", "What k10-auditwatch says")
"""Headings of the demo whose parts are shown, as they begin."""
END = "Who, from where"
COLOURS = {"Critical": "bold red", "High": "bold yellow", "Medium": "cyan"}
FORMAT = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<title>make demo</title>
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, monospace;
  font-size: {char_height}px; line-height: {line_height}px; }}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def chosen(printed: str) -> list[str]:
    """The lines that are shown: of the parts above, without what is only for who looks closer."""
    lines: list[str] = []
    shown = False
    for line in printed.splitlines():
        if line.startswith("== "):
            shown = line.removeprefix("== ").startswith(SHOWN)
        if END in line:
            break
        if shown and not re.search(r" … [\d.]+ s$", line):
            lines.append(line[:WIDTH])
    return [line for place, line in enumerate(lines) if not line.startswith("    ") or _is_table(lines[:place])]


def _is_table(before: list[str]) -> bool:
    """Whether the last command is the one whose answer is shown."""
    commands = [line for line in before if line.startswith("  $ ")]
    return bool(commands) and commands[-1].startswith("  $ kubectl get k10f")


def coloured(line: str) -> Text:
    """A line as a terminal shows it: headings and commands bold, severities in their colours."""
    if line.startswith("== "):
        return Text(line, style="bold cyan")
    if line.startswith("  $ "):
        return Text(line, style="bold")
    text = Text(line, style="dim" if line.startswith("  # ") else "")
    for word, style in COLOURS.items():
        text.highlight_regex(rf"(?<= ){word}(?= )", style)
    return text


def picture(printed: str) -> str:
    """The SVG."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    for line in chosen(printed):
        console.print(coloured(line), soft_wrap=False, overflow="crop", no_wrap=True)
    return console.export_svg(title="make demo", code_format=FORMAT, unique_id="demo")


def main(arguments: list[str]) -> int:
    """Write the picture to the path given; 2 without one, 1 where the demo failed."""
    if len(arguments) not in (1, 2):
        print("usage: picture.py docs/demo.svg [what an earlier demo printed]")
        return 2
    if arguments[1:]:
        printed = Path(arguments[1]).read_text(encoding="utf-8")
    else:
        done = subprocess.run([sys.executable, "-m", "tests.demo"], stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            print("error: the demo failed, so there is nothing to show", file=sys.stderr)
            return 1
        printed = done.stdout
    Path(arguments[0]).write_text(picture(printed), encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
