"""Three-valued logic: what was not seen must neither match nor clear anybody.

A condition is true, false or unknown (Kleene's strong logic, K3). Unknown is ``None`` here, so that a truth value is
never mistaken for a field's value and mypy makes every caller say what it does with it.
"""

from __future__ import annotations

from collections.abc import Iterable

Truth = bool | None
"""``None`` is unknown."""


def negate(truth: Truth) -> Truth:
    """Not: unknown stays unknown."""
    return None if truth is None else not truth


def all_of(truths: Iterable[Truth]) -> Truth:
    """And: one false decides, else one unknown makes it unknown. Lazy: nothing after the first false is evaluated."""
    result: Truth = True
    for truth in truths:
        if truth is False:
            return False
        if truth is None:
            result = None
    return result


def any_of(truths: Iterable[Truth]) -> Truth:
    """Or: one true decides, else one unknown makes it unknown. Lazy: nothing after the first true is evaluated."""
    result: Truth = False
    for truth in truths:
        if truth is True:
            return True
        if truth is None:
            result = None
    return result
