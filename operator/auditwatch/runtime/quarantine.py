"""Which inbox row makes settling fail as a whole, where nobody could say whose part failed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

Row = TypeVar("Row")


class UnsettleableError(Exception):
    """With this inbox row nothing can be settled."""


def culprit(rows: Sequence[Row], fails: Callable[[Sequence[Row]], bool]) -> Row | None:
    """A row with which settling fails and without which, after all those before it, it does not.

    ``None`` where it fails without any, or not at all. Asks about as often as the number of rows has binary digits.
    """
    if fails(()) or not fails(rows):
        return None
    sound, failing = 0, len(rows)
    while failing - sound > 1:
        middle = (sound + failing) // 2
        if fails(rows[:middle]):
            failing = middle
        else:
            sound = middle
    return rows[failing - 1]
