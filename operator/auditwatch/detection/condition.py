"""A compiled condition: how it is decided, and what a source must be able to see for it to be decided at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from auditwatch.detection.kleene import Truth, negate
from auditwatch.detection.scope import Scope

Holds = Callable[[Scope, object], Truth]
"""(scope, element of the surrounding ``forAny`` or MISSING) → true, false or unknown. Total."""

NOTHING: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Condition:
    """``needs``: fields that watched state cannot know and without which this is never true.

    ``bodies``: likewise, those that only the body of a request or watched state knows.
    """

    holds: Holds
    needs: frozenset[str] = NOTHING
    bodies: frozenset[str] = NOTHING


ALWAYS: Final = Condition(lambda _scope, _element: True)
NEVER_KNOWN: Final = Condition(lambda _scope, _element: None)
"""Stands where a rule names something that does not exist: it neither matches nor clears anybody."""


def conjunction(conditions: Sequence[Condition]) -> Condition:
    """All hold. An empty one holds."""
    if len(conditions) == 1:
        return conditions[0]
    tests = tuple(condition.holds for condition in conditions)
    return Condition(
        _decided(tests, by=False),
        NOTHING.union(*(condition.needs for condition in conditions)),
        NOTHING.union(*(condition.bodies for condition in conditions)),
    )


def disjunction(conditions: Sequence[Condition]) -> Condition:
    """One holds; needs only what all of them need."""
    tests = tuple(condition.holds for condition in conditions)
    return Condition(
        _decided(tests, by=True),
        _common(condition.needs for condition in conditions),
        _common(condition.bodies for condition in conditions),
    )


def none_hold(and_lists: Sequence[Sequence[Condition]]) -> Condition:
    """No and-list holds. Each must have one false item, so each needs what all of its items need."""
    any_list = disjunction([conjunction(items) for items in and_lists]).holds
    return Condition(
        lambda scope, element: negate(any_list(scope, element)),
        NOTHING.union(*(_common(condition.needs for condition in items) for items in and_lists)),
        NOTHING.union(*(_common(condition.bodies for condition in items) for items in and_lists)),
    )


def _decided(tests: Sequence[Holds], *, by: bool) -> Holds:
    """``kleene.all_of`` (settled by one False) or ``any_of`` (by one True) of the tests.

    The loop is written out: it is asked of every event and rule, where a generator takes twice the time.
    """

    def holds(scope: Scope, element: object) -> Truth:
        result: Truth = not by
        for test in tests:
            truth = test(scope, element)
            if truth is by:
                return by
            if truth is None:
                result = None
        return result

    return holds


def _common(sets: Iterable[frozenset[str]]) -> frozenset[str]:
    """What is in all of them."""
    first, *others = [*sets] or [NOTHING]
    return first.intersection(*others)
