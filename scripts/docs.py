"""The documentation: `check` compares menu, pages and links in a moment; `build` makes the site, strictly.

`check` needs PyYAML only, so that linting costs no second environment. `build` makes that environment from
requirements/docs.txt where it is missing, then lets mkdocs look at everything again and reads what it wrote: a page
that fetches anything from elsewhere fails.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

VENV = Path(".venv-docs")
LOCK = Path("requirements/docs.txt")
FENCE = re.compile(r"^(```+|~~~+).*?^\1\s*$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!\\)\]\(\s*<?([^)\s>]+)>?[^)]*\)")
HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)
FETCHED = re.compile(
    r"<(?:script|img|iframe|source|link)\b[^>]*?\b(?:src|href)=\"?((?:https?:)?//[^\s\">]+)", re.IGNORECASE
)
NAMES_A_PAGE = re.compile(r"rel=\"?(?:canonical|alternate)", re.IGNORECASE)


def prose(text: str) -> str:
    """A page without its code: what stands in a block or in backticks is no link."""
    return re.sub(r"`[^`\n]*`", "", FENCE.sub("", text))


def anchors(text: str) -> set[str]:
    """Names of the headings, as Python-Markdown makes them."""
    found: list[str] = []
    for heading in HEADING.findall(FENCE.sub("", text)):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
        name = re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain).strip().lower())
        again = sum(each == name or re.fullmatch(rf"{re.escape(name)}_\d+", each) is not None for each in found)
        found.append(f"{name}_{again}" if again else name)
    return set(found)


def in_menu(nav: Any) -> Iterator[str]:
    """Every page that the menu names."""
    if isinstance(nav, str):
        yield nav
    for each in nav if isinstance(nav, list) else nav.values() if isinstance(nav, dict) else ():
        yield from in_menu(each)


def menu_problems(configuration: dict[str, Any], pages: set[str]) -> Iterator[str]:
    """Pages that nobody finds, and entries that lead nowhere."""
    named = list(in_menu(configuration["nav"]))
    left_out = tuple(
        line.strip().lstrip("/") for line in configuration.get("not_in_nav", "").splitlines() if line.strip()
    )
    for page in sorted(pages - set(named)):
        if not page.startswith(left_out or ("\0",)):
            yield f"docs/{page}: in no section of mkdocs.yml: add it to nav"
    yield from (f"mkdocs.yml: nav names docs/{name}, which does not exist" for name in sorted(set(named) - pages))
    yield from (
        f"mkdocs.yml: nav names docs/{name} twice" for name in sorted({each for each in named if named.count(each) > 1})
    )


def link_problems(docs: Path, page: str) -> Iterator[str]:
    """Links of one page that leave the documentation, or lead to no file or no heading."""
    for link in LINK.findall(prose((docs / page).read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (docs / page).parent / path if path else docs / page
        if not target.resolve().is_relative_to(docs.resolve()):
            yield f"docs/{page}: {link} leads out of docs/, where the site has no pages: name it in backticks"
        elif not target.is_file():
            yield f"docs/{page}: {link} leads to no file"
        elif anchor and target.suffix == ".md" and anchor not in anchors(target.read_text(encoding="utf-8")):
            yield f"docs/{page}: {link} leads to no heading"


def problems(root: Path) -> list[str]:
    """Everything that is wrong with menu and links below ``root``."""
    import yaml  # noqa: PLC0415 - `build` runs on the bare interpreter of a fresh machine

    docs = root / "docs"
    pages = {str(PurePosixPath(path.relative_to(docs))) for path in docs.rglob("*.md")}
    configuration = yaml.safe_load((root / "mkdocs.yml").read_text(encoding="utf-8"))
    found = list(menu_problems(configuration, pages))
    for page in sorted(pages):
        found += link_problems(docs, page)
    return found


def fetched(site: Path) -> list[str]:
    """What a reader's browser would ask others for."""
    return [
        f"{page.relative_to(site)}: fetches {match.group(1)}"
        for page in sorted(site.rglob("*.html"))
        for match in FETCHED.finditer(page.read_text(encoding="utf-8"))
        if not NAMES_A_PAGE.search(match.group(0))
    ]


def environment() -> None:
    """Make the environment of mkdocs from its lock file, unless it was made from this very file."""
    stamp, lock = VENV / ".ready", LOCK.read_bytes()
    if stamp.is_file() and stamp.read_bytes() == lock:
        return
    print(f"docs: installing {LOCK} into {VENV} (half a minute the first time) …", flush=True)
    python = str(VENV / "bin" / "python")
    if uv := shutil.which("uv"):
        make = [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(VENV)]
        install = [uv, "pip", "install", "--quiet", "--python", python]
    else:
        make = [sys.executable, "-m", "venv", "--clear", str(VENV)]
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for command in (make, [*install, "--require-hashes", "-r", str(LOCK)]):
        subprocess.run(command, check=True)
    stamp.write_bytes(lock)


def build(mkdocs: Path, site: Path, configuration: Path = Path("mkdocs.yml")) -> list[str]:
    """Make the site; what is wrong with it. Raises CalledProcessError where mkdocs refuses."""
    # Not --quiet: with it mkdocs counts no warnings, and so is not strict.
    command = [str(mkdocs), "build", "--strict", "--clean"]
    command += ["--config-file", str(configuration), "--site-dir", str(site.absolute())]
    subprocess.run(command, check=True, env={"NO_MKDOCS_2_WARNING": "1", "PATH": "/usr/bin:/bin"})
    return fetched(site)


def main(arguments: list[str]) -> int:
    """`check` or `build`; exit code 1 and what is wrong, where something is."""
    if arguments not in (["check"], ["build"]):
        print("usage: docs.py check | build")
        return 2
    try:
        if arguments == ["build"]:
            environment()
            found = build(VENV / "bin" / "mkdocs", Path("site"))
        else:
            found = problems(Path())
    except subprocess.CalledProcessError as error:
        print(f"error: this failed, see above: {' '.join(error.cmd)}")
        return 1
    for problem in found:
        print(problem)
    if arguments == ["build"] and not found:
        print("docs: site/index.html; to read it in a browser: python3 -m http.server --directory site")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
