"""Names in a sentence: the first few, how many more there were, and none so long that it pushes out the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from auditwatch.detection import texts

NAMED: Final = 3
"""Names in one list."""
NAME: Final = 96
"""Characters of one name in a sentence."""


def name(text: str) -> str:
    """One name, cut."""
    return texts.cut(text, NAME)


def either(names: Sequence[str], limit: int = NAMED) -> str:
    """``a or b or 2 more``: each of them is possible."""
    return " or ".join(_first(names, limit))


def all_of(phrases: Sequence[str], limit: int = NAMED) -> str:
    """``a; b; and 2 more``, of phrases that have commas of their own."""
    shown = list(phrases[:limit])
    return "; ".join([*shown, *([f"and {len(phrases) - limit} more"] if len(phrases) > limit else [])])


def _first(names: Sequence[str], limit: int) -> list[str]:
    shown = [name(each) for each in names[:limit]]
    return [*shown, *([f"{len(names) - limit} more"] if len(names) > limit else [])]
