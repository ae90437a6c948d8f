"""Menu, links and the built site: what the quick check of `make lint` finds, and what only mkdocs does."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from types import ModuleType

import pytest

from tests.unit.docs.blocks import ROOT

MENU = "nav: [{Home: index.md}]\nnot_in_nav: |\n  /runbooks/\n"


def _script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"{name}_script", ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def script() -> ModuleType:
    return _script("docs")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "docs" / "runbooks").mkdir(parents=True)
    (tmp_path / "mkdocs.yml").write_text(MENU, encoding="utf-8")
    (tmp_path / "docs" / "index.md").write_text("# Home\n\n## A `word`, and more\n", encoding="utf-8")
    (tmp_path / "docs" / "runbooks" / "a.md").write_text("[up](../index.md#a-word-and-more)\n", encoding="utf-8")
    return tmp_path


def test_menu_and_links_of_this_documentation_are_whole(script: ModuleType) -> None:
    assert script.problems(ROOT) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[x](none.md)", "docs/index.md: none.md leads to no file"),
        ("[x](runbooks/a.md#none)", "docs/index.md: runbooks/a.md#none leads to no heading"),
        ("[x](#none)", "docs/index.md: #none leads to no heading"),
        (
            "[x](../mkdocs.yml)",
            "docs/index.md: ../mkdocs.yml leads out of docs/, where the site has no pages: name it in backticks",
        ),
    ],
)
def test_a_link_that_leads_nowhere_is_named(script: ModuleType, project: Path, text: str, problem: str) -> None:
    assert script.problems(project) == []
    index = project / "docs" / "index.md"
    index.write_text(f"{index.read_text(encoding='utf-8')}\n{text}\n", encoding="utf-8")
    assert script.problems(project) == [problem]


def test_what_stands_in_code_is_no_link(script: ModuleType, project: Path) -> None:
    index = project / "docs" / "index.md"
    index.write_text("# Home\n\n## A word, and more\n\n`[x](none.md)`\n\n```\n[x](none.md)\n```\n", encoding="utf-8")
    assert script.problems(project) == []


def test_a_page_that_nobody_finds_and_an_entry_that_leads_nowhere_are_named(script: ModuleType, project: Path) -> None:
    (project / "docs" / "lost.md").write_text("# Lost\n", encoding="utf-8")
    (project / "mkdocs.yml").write_text(MENU.replace("index.md}", "index.md}, {Gone: gone.md}"), encoding="utf-8")
    assert script.problems(project) == [
        "docs/lost.md: in no section of mkdocs.yml: add it to nav",
        "mkdocs.yml: nav names docs/gone.md, which does not exist",
    ]


def test_a_page_that_fetches_anything_from_elsewhere_is_named(script: ModuleType, tmp_path: Path) -> None:
    page = tmp_path / "index.html"
    page.write_text('<a href="https://a.example">read</a><link rel="canonical" href="https://b.example">', "utf-8")
    assert script.fetched(tmp_path) == []
    page.write_text('<script src="https://c.example/x.js"></script><link rel=stylesheet href=//d.example>', "utf-8")
    assert script.fetched(tmp_path) == [
        "index.html: fetches https://c.example/x.js",
        "index.html: fetches //d.example",
    ]


def test_the_site_is_built_strictly_and_fetches_nothing(script: ModuleType, tmp_path: Path) -> None:
    """Two seconds where `make docs` was run before; its environment is too dear for every run of all tests."""
    installed = ROOT / ".venv-docs" / "bin" / "mkdocs"
    if not installed.is_file():
        pytest.skip("mkdocs is not installed: `make docs` installs it; menu and links were checked without it")
    for name in ("mkdocs.yml", "docs"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    assert script.build(installed, tmp_path / "site", tmp_path / "mkdocs.yml") == []
    assert (tmp_path / "site" / "tutorial" / "first-finding" / "index.html").is_file()


def test_the_picture_shows_what_the_demo_printed_and_names_no_font_to_fetch() -> None:
    picture = _script("picture")
    printed = (
        "== A cluster\n  up … 1.0 s\n== An intruder: eve\n  # pause\n  $ kubectl patch x\n    patched\n"
        "== What k10-auditwatch says\n  $ kubectl get k10f -A\n    NAME\n    policy-paused-1   High   eve\n"
        "  Who, from where, with which credential:\n    eve\n"
    )
    assert picture.chosen(printed) == [
        "== An intruder: eve",
        "  # pause",
        "  $ kubectl patch x",
        "== What k10-auditwatch says",
        "  $ kubectl get k10f -A",
        "    NAME",
        "    policy-paused-1   High   eve",
    ]
    assert "http" not in picture.picture(printed).replace("http://www.w3.org/2000/svg", "")


def test_the_readme_shows_the_picture_and_its_two_commands() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "](docs/demo.svg)" in text
    assert all(f"`make {name}`" in text for name in ("demo", "test"))
    assert "retention-cut" in (ROOT / "docs" / "demo.svg").read_text(encoding="utf-8")
