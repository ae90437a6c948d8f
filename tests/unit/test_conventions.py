"""The list of what users expect of an operator: whole, each point held by tests that are there, and told as it is."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
POINTS: dict[int, dict[str, Any]] = yaml.safe_load((ROOT / "tests" / "conventions.yaml").read_text(encoding="utf-8"))
PAGE = (ROOT / "docs" / "explanation" / "conventions.md").read_text(encoding="utf-8")
SKIPPING = {"skip", "skipif", "xfail"}


def node_ids(number: int) -> list[str]:
    """``tests/unit/test_x.py::test_y`` of every test of a point."""
    return [f"tests/{file}.py::test_{name}" for file, names in POINTS[number]["tests"].items() for name in names]


@cache
def collected_from(file: str) -> dict[str, ast.FunctionDef | ast.AsyncFunctionDef]:
    """Functions that pytest collects from a file: at its top level, by their names."""
    path = ROOT / file
    tree = ast.parse(path.read_text(encoding="utf-8")) if path.exists() else ast.Module([], [])
    functions = [each for each in tree.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)]
    return {each.name: each for each in functions if each.name.startswith("test_")}


def found(node_id: str) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    file, _, name = node_id.partition("::")
    return collected_from(file).get(name)


def marks(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    """Attributes in its decorators: ``pytest.mark.skip(…)`` has ``mark`` and ``skip``."""
    nodes = [node for each in function.decorator_list for node in ast.walk(each)]
    return {node.attr for node in nodes if isinstance(node, ast.Attribute)}


def test_there_are_fourteen_points_each_with_tests() -> None:
    assert list(POINTS) == list(range(1, 15))
    assert [number for number in POINTS if not node_ids(number)] == []


@pytest.mark.parametrize("number", POINTS)
def test_no_test_of_a_point_may_vanish_or_be_skipped_unseen(number: int) -> None:
    functions = {node_id: found(node_id) for node_id in node_ids(number)}

    assert [node_id for node_id, function in functions.items() if function is None] == [], "renamed? mend the list"
    assert [node_id for node_id, function in functions.items() if function and marks(function) & SKIPPING] == []
    assert [node_id for node_id, function in functions.items() if function and not asserts(function)] == []


def asserts(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether it can fail by itself: an assert, an expected exception, or a function that asserts by its name."""
    return any(
        isinstance(node, ast.Assert)
        or (isinstance(node, ast.Attribute) and node.attr == "raises")
        or (isinstance(node, ast.Name) and node.id.startswith("assert_"))
        for node in ast.walk(function)
    )


def test_what_is_not_there_is_noticed() -> None:
    assert found("tests/unit/test_conventions.py::test_what_is_not_there_is_noticed")
    assert not found("tests/unit/test_conventions.py::test_of_somebody_elses")
    assert not found("tests/unit/test_nothing.py::test_what_is_not_there_is_noticed")


def test_the_page_tells_every_point_and_where_its_tests_are() -> None:
    rows = re.findall(r"^\| (\d+) \| (.*) \| (.*) \|$", PAGE, re.MULTILINE)

    assert rows == [
        (str(number), point["says"], ", ".join(f"`tests/{file}.py`" for file in point["tests"]))
        for number, point in POINTS.items()
    ]
