"""What each operator on a change means, compiled once per test.

A change whose other side nobody saw is not guessed at: ``Decreased`` is unknown without the old value. Only
``ChangedTo`` can do with the new one, where a request (a patch) named the change itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from auditwatch.detection.changes import Change
from auditwatch.detection.kleene import Truth
from auditwatch.detection.measures import Measure, compare, measure
from auditwatch.detection.operators import OperandError, same_as
from auditwatch.detection.values import MISSING, UNKNOWN, is_present

ChangePredicate = Callable[[Change], Truth]
"""Total: no pair of JSON values makes it raise."""


@dataclass(frozen=True, slots=True)
class ChangeOptions:
    """What a test adds to its operator; ``named``: the change is an item of ``changes``, not a field's two sides."""

    operands: Sequence[str] = ()
    percent: int = 0
    order: Sequence[str] = ()
    missing_as: str | None = None
    named: bool = False


def change_predicate(operator: str, options: ChangeOptions) -> ChangePredicate:
    """The predicate of a change operator; raises :class:`OperandError`."""
    if options.missing_as is not None and measure(options.missing_as, options.order) is None:
        raise OperandError(
            f"missingAs {options.missing_as!r} cannot be ranked: write a number, duration or ordered word"
        )
    return _OPERATORS[operator](options)


def _same(old: object, new: object) -> bool:
    """JSON equality: ``true`` is not ``1``, ``1`` is ``1.0``."""
    return isinstance(old, bool) == isinstance(new, bool) and bool(old == new)


def _changed(_options: ChangeOptions) -> ChangePredicate:
    return lambda change: None if UNKNOWN in (change.old, change.new) else not _same(change.old, change.new)


def _changed_to(options: ChangeOptions) -> ChangePredicate:
    wanted, named = same_as(options.operands), options.named

    def holds(change: Change) -> Truth:
        if change.new is UNKNOWN:
            return None
        if change.new is MISSING or not wanted(change.new):
            return False
        if change.old is UNKNOWN:
            return True if named or change.is_named else None
        return not _same(change.old, change.new)

    return holds


def _changed_from(options: ChangeOptions) -> ChangePredicate:
    wanted = same_as(options.operands)

    def holds(change: Change) -> Truth:
        if change.old is UNKNOWN:
            return None
        if change.old is MISSING or not wanted(change.old):
            return False
        return None if change.new is UNKNOWN else not _same(change.old, change.new)

    return holds


def _came(before: object, after: object) -> Truth:
    """Whether something absent came to be there."""
    if is_present(before) or after is MISSING:
        return False
    return None if UNKNOWN in (before, after) else True


def _appeared(_options: ChangeOptions) -> ChangePredicate:
    return lambda change: _came(change.old, change.new)


def _disappeared(_options: ChangeOptions) -> ChangePredicate:
    return lambda change: _came(change.new, change.old)


def _gained(before: object, after: object) -> Truth:
    """Whether ``after`` has an element that ``before`` has not; an absent list is empty, a scalar is no list."""
    if after is MISSING or after == []:
        return False
    if UNKNOWN in (before, after):
        return None
    old: object = [] if before is MISSING else before
    if not isinstance(old, list) or not isinstance(after, list):
        return False
    return any(not any(_same(element, known) for known in old) for element in after)


def _added(_options: ChangeOptions) -> ChangePredicate:
    return lambda change: _gained(change.old, change.new)


def _removed(_options: ChangeOptions) -> ChangePredicate:
    return lambda change: _gained(change.new, change.old)


Comparison = Callable[[Measure, float], bool]
"""(old value, new - old) → whether it holds."""


def _ranked(options: ChangeOptions, holds: Comparison) -> ChangePredicate:
    def side(value: object) -> Measure | None:
        return measure(options.missing_as if value is MISSING else value, options.order)

    def decide(change: Change) -> Truth:
        if UNKNOWN in (change.old, change.new):
            return None
        old, new = side(change.old), side(change.new)
        difference = compare(new, old)
        if old is not None and difference is not None:
            return holds(old, difference)
        # A word that the order does not list may be more or less than the other: nobody can tell.
        return None if options.order and _is_unlisted(change, options) else False

    return decide


def _is_unlisted(change: Change, options: ChangeOptions) -> bool:
    present = [value for value in (change.old, change.new) if value is not MISSING]
    complete = len(present) == 2 or options.missing_as is not None
    return complete and any(measure(value, options.order) is None for value in present)


def _increased(options: ChangeOptions) -> ChangePredicate:
    return _ranked(options, lambda _old, difference: difference > 0)


def _decreased(options: ChangeOptions) -> ChangePredicate:
    return _ranked(options, lambda _old, difference: difference < 0)


def _decreased_by(options: ChangeOptions) -> ChangePredicate:
    percent = options.percent
    return _ranked(options, lambda old, change: old.amount > 0 and change < 0 and -change * 100 >= percent * old.amount)


_OPERATORS: Final[Mapping[str, Callable[[ChangeOptions], ChangePredicate]]] = {
    "Changed": _changed,
    "ChangedTo": _changed_to,
    "ChangedFrom": _changed_from,
    "Appeared": _appeared,
    "Disappeared": _disappeared,
    "ElementsAdded": _added,
    "ElementsRemoved": _removed,
    "Increased": _increased,
    "Decreased": _decreased,
    "DecreasedBy": _decreased_by,
}
