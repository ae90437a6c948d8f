"""The layout of the repository: what must be where, and what must never come into `operator/`."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLACES = (
    *("pyproject.toml", "Makefile", "README.md", "CHANGELOG.md", "LICENSE", "SECURITY.md", "CONTRIBUTING.md"),
    *(".ci/run", ".pre-commit-config.yaml", "crds", "manifests", "charts/k10-auditwatch", "docs", "examples"),
    *(f"tests/{name}" for name in ("unit", "integration", "live", "e2e", "torture", "benchmarks", "cluster", "k10")),
)
ROOMS = ("api", "cli", "cluster", "detection", "events", "findings", "journal", "k10", "outputs", "packs", "runtime")
PAGES = sorted(
    path for path in ROOT.rglob("*.md") if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)
)
LINK = re.compile(r"\]\((?!https?:)([^)#\s]+)(?:#[^)\s]*)?\)")


def test_operator_is_a_source_root_and_never_a_package() -> None:
    """The standard library has a module of that name: a package here breaks every `python -m …` in this folder."""
    assert [path.name for path in (ROOT / "operator").iterdir() if path.name != "__pycache__"] == ["auditwatch"]
    assert not (ROOT / "operator.py").exists()


def test_no_test_and_no_conftest_lives_below_operator() -> None:
    assert not [*(ROOT / "operator").rglob("conftest.py"), *(ROOT / "operator").rglob("test_*.py")]


def test_the_standard_librarys_operator_is_found_from_the_root_of_the_repository() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "json.tool"], cwd=ROOT, input="{}", capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", PLACES)
def test_a_place_of_the_layout_is_there(name: str) -> None:
    assert (ROOT / name).exists()


@pytest.mark.parametrize("name", [*ROOMS, "doctor", "scan", "sources/state", "outputs/events"])
def test_a_room_says_what_it_is_for(name: str) -> None:
    text = (ROOT / "operator" / "auditwatch" / name / "__init__.py").read_text(encoding="utf-8")

    assert text.startswith('"""')


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    broken = [
        link for link in LINK.findall(page.read_text(encoding="utf-8")) if not (page.parent / link).resolve().exists()
    ]

    assert broken == []


def test_every_make_target_that_a_page_names_exists() -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {name for page in PAGES for name in re.findall(r"`make ([a-z0-9-]+)", page.read_text(encoding="utf-8"))}

    assert named
    assert named <= targets


def test_make_help_lists_every_target_with_a_sentence() -> None:
    targets = re.findall(r"^\.PHONY: (\S+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)

    printed = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    listed = printed.stdout.splitlines()

    assert [line.split()[:2] for line in listed] == [["make", target] for target in targets]
    assert all(len(line.split()) > 2 for line in listed)


@pytest.mark.parametrize("name", ["runtime", "dev", "docs", "go"])
def test_a_lock_file_has_hashes_and_no_address(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    packages = re.findall(r"^[a-z0-9].*?==.*?(?=^[a-z0-9]|\Z)", text, re.MULTILINE | re.DOTALL | re.IGNORECASE)

    assert packages
    assert all("--hash=sha256:" in package for package in packages)
    assert "://" not in text
    assert "--index" not in text
    assert "--extra-index" not in text


@pytest.mark.parametrize(("lock", "groups"), [("runtime", ()), ("dev", ("tests", "lint"))])
def test_a_lock_file_pins_everything_the_project_depends_on(lock: str, groups: tuple[str, ...]) -> None:
    """What is added to pyproject.toml is missing on every fresh machine until `make lock` was run."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [
        *project["project"]["dependencies"],
        *(each for group in groups for each in project["dependency-groups"][group]),
    ]
    pinned = re.findall(r"^(\S+?)==", (ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8"), re.MULTILINE)
    names = {re.split(r"[<>=!~\[; ]", each)[0].lower().replace("_", "-") for each in wanted}

    assert names <= set(pinned)


def test_the_licence_names_its_holders() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")

    assert "Apache License" in text
    assert "The k10-auditwatch authors" in text


def test_the_readme_is_one_screen_and_counts_the_rules_that_ship() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    parts = [
        part.read_text(encoding="utf-8") for part in (ROOT / "operator/auditwatch/packs").glob("k10-baseline*.yaml")
    ]
    rules = "".join(part.partition("\nrules:")[2] for part in parts)

    assert len(text.splitlines()) <= 60
    assert f"brings {len(re.findall(r'^- name: .*$', rules, re.MULTILINE))}" in text
