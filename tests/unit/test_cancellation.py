"""What would make a task that was asked to end go on: written nowhere in what runs for as long as the operator does.

``asyncio.gather`` that ends with the first error takes it even where its task was asked to end in that moment, and
``suppress(CancelledError)`` around the end of another task takes our own end for its.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import auditwatch

ROOT = Path(auditwatch.__file__).parent
SHORT_LIVED = ("doctor",)
"""Rooms whose tasks end with the command."""


def _calls(text: str) -> Iterator[ast.Call]:
    return (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call))


def losses(text: str) -> list[int]:
    """The lines of a module where a cancellation may be lost."""
    return [call.lineno for call in _calls(text) if _takes_the_first_error(call) or _suppresses_an_end(call)]


def _takes_the_first_error(call: ast.Call) -> bool:
    return ast.unparse(call.func) == "asyncio.gather" and "return_exceptions=True" not in map(
        ast.unparse, call.keywords
    )


def _suppresses_an_end(call: ast.Call) -> bool:
    name = ast.unparse(call.func)
    return name.endswith("suppress") and any(ast.unparse(each).endswith("CancelledError") for each in call.args)


@pytest.mark.parametrize(
    ("line", "is_loss"),
    [
        ("await asyncio.gather(*each)", True),
        ("await asyncio.gather(*each, return_exceptions=False)", True),
        ("await asyncio.gather(*each, return_exceptions=True)", False),
        ("contextlib.suppress(OSError, asyncio.CancelledError)", True),
        ("suppress(OSError)", False),
    ],
)
def test_a_loss_is_known_by_how_it_is_written(line: str, is_loss: bool) -> None:  # noqa: FBT001 - a column of the table
    assert losses(f"async def f():\n    {line}") == ([2] if is_loss else [])


def test_no_task_that_lives_as_long_as_the_operator_may_miss_its_end() -> None:
    files = [path for path in ROOT.rglob("*.py") if path.relative_to(ROOT).parts[0] not in SHORT_LIVED]
    found = {str(path.relative_to(ROOT)): losses(path.read_text()) for path in files}

    assert len(files) > 100
    assert {name: lines for name, lines in found.items() if lines} == {}
