"""What each operator on a present value means, compiled once per test.

Absent and unknown values never reach these predicates: ``fieldtests.py`` decides them the same way for all operators.
On a list an operator that is not about lists holds if it holds for one element, and its negation if for none.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from auditwatch.detection.globs import PatternError, glob_matcher, regex_matcher
from auditwatch.detection.measures import Measure, compare, duration, measure
from auditwatch.detection.texts import plain

Predicate = Callable[[object, float], bool]
"""(present value, event time in seconds since the epoch) → whether it holds. Total: no JSON value makes it raise."""

NEGATED: Final[Mapping[str, str]] = {
    "NotEquals": "Equals",
    "NotIn": "In",
    "NotInCIDR": "InCIDR",
    "HasNone": "HasAny",
}
"""Operators that are another one's opposite; true where the field is absent."""

_RELATIVE: Final = re.compile(r"event(?:([+-])(.+))?")


class OperandError(ValueError):
    """An operand is not what its operator compares with; the message names it and the fix."""


def value_predicate(operator: str, operands: Sequence[str], order: Sequence[str] = ()) -> Predicate:
    """The predicate of a positive operator; raises :class:`OperandError`."""
    if operator in _LISTS:
        return _LISTS[operator](frozenset(operands))
    if operator in {"GreaterThan", "LessThan"}:
        return _each(_ranked(operator, operands, order))
    if operator in {"Before", "After"}:
        return _each(_timed(operator, operands))
    return _each_at_any_time(_SCALARS[operator](operands))


def _each(predicate: Predicate) -> Predicate:
    def holds(value: object, now: float) -> bool:
        if isinstance(value, list | tuple):
            return any(predicate(element, now) for element in value)
        return predicate(value, now)

    return holds


def _each_at_any_time(predicate: Callable[[object], bool]) -> Predicate:
    def holds(value: object, _now: float) -> bool:
        if isinstance(value, (list, tuple)):
            return any(map(predicate, value))
        return predicate(value)

    return holds


def same_as(operands: Sequence[str]) -> Callable[[object], bool]:
    """Equal as text, or as the number or duration both are: ``720h`` is ``720h0m0s``, ``7.0`` is ``7``."""
    texts = frozenset(operands)
    measures = [amount for amount in map(measure, operands) if amount is not None]

    def holds(value: object) -> bool:
        if (value if isinstance(value, str) else plain(value)) in texts:
            return True
        amount = measure(value) if measures else None
        if amount is None or (isinstance(value, str) and amount.unit == "Number"):
            return False
        return any(compare(amount, other) == 0 for other in measures)

    return holds


def _on_text(matches: Callable[[str], bool]) -> Callable[[object], bool]:
    return lambda value: matches(plain(value))


def _starts(operands: Sequence[str]) -> Callable[[object], bool]:
    return _on_text(lambda text: text.startswith(tuple(operands)))


def _ends(operands: Sequence[str]) -> Callable[[object], bool]:
    return _on_text(lambda text: text.endswith(tuple(operands)))


def _contains(operands: Sequence[str]) -> Callable[[object], bool]:
    return _on_text(lambda text: any(operand in text for operand in operands))


def _glob(operands: Sequence[str]) -> Callable[[object], bool]:
    return _on_text(_patterns(glob_matcher, operands))


def _regex(operands: Sequence[str]) -> Callable[[object], bool]:
    return _on_text(_patterns(regex_matcher, operands))


def _patterns(
    matcher: Callable[[Sequence[str]], Callable[[str], bool]], operands: Sequence[str]
) -> Callable[[str], bool]:
    try:
        return matcher(operands)
    except PatternError as error:
        raise OperandError(f"no RE2 expression: {error}") from None


def _in_network(operands: Sequence[str]) -> Callable[[object], bool]:
    networks = [_network(operand) for operand in operands]

    def holds(value: object) -> bool:
        try:
            address = ipaddress.ip_address(plain(value))
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None) or address
        return any(mapped in network for network in networks)

    return holds


def _network(operand: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(operand, strict=False)
    except ValueError:
        raise OperandError(f"{operand!r} is no network: write it like 10.0.0.0/8 or 2001:db8::/32") from None


_SCALARS: Final[Mapping[str, Callable[[Sequence[str]], Callable[[object], bool]]]] = {
    "Equals": same_as,
    "In": same_as,
    "StartsWith": _starts,
    "EndsWith": _ends,
    "Contains": _contains,
    "Glob": _glob,
    "Matches": _regex,
    "InCIDR": _in_network,
}


def _texts(value: object) -> frozenset[str]:
    """The elements of a list as text; a map has its keys, a scalar itself."""
    if isinstance(value, list | tuple):
        return frozenset(map(plain, value))
    return frozenset(value) if isinstance(value, Mapping) else frozenset({plain(value)})


_LISTS: Final[Mapping[str, Callable[[frozenset[str]], Predicate]]] = {
    "HasAny": lambda wanted: lambda value, _now: bool(_texts(value) & wanted),
    "HasAll": lambda wanted: lambda value, _now: wanted <= _texts(value),
    "HasOnly": lambda wanted: lambda value, _now: _texts(value) <= wanted,
}


def _ranked(operator: str, operands: Sequence[str], order: Sequence[str]) -> Predicate:
    bounds = [_bound(operand, order) for operand in operands]
    sign = 1 if operator == "GreaterThan" else -1

    def holds(value: object, _now: float) -> bool:
        amount = measure(value, order)
        return any((compare(amount, bound) or 0) * sign > 0 for bound in bounds)

    return holds


def _bound(operand: str, order: Sequence[str]) -> Measure:
    amount = measure(operand, order)
    if amount is None:
        kind = f"one of the words of order ({', '.join(order)})" if order else "a number like 7 or a duration like 240h"
        raise OperandError(f"{operand!r} cannot be ranked: write {kind}")
    return amount


def _timed(operator: str, operands: Sequence[str]) -> Predicate:
    bounds = [_time_bound(operand) for operand in operands]
    sign = 1 if operator == "After" else -1

    def holds(value: object, now: float) -> bool:
        moment = seconds_of(value)
        return moment is not None and any((moment - bound(now)) * sign > 0 for bound in bounds)

    return holds


def _time_bound(operand: str) -> Callable[[float], float]:
    relative = _RELATIVE.fullmatch(operand)
    if relative is not None:
        offset = duration(relative[2]) if relative[2] else 0.0
        if offset is not None:
            shift = -offset if relative[1] == "-" else offset
            return lambda now: now + shift
    moment = seconds_of(operand)
    if moment is None:
        raise OperandError(f"{operand!r} is no time: write 2027-06-30T00:00:00Z, or event+72h from the event on")
    return lambda _now: moment


def seconds_of(value: object) -> float | None:
    """Seconds since the epoch of an RFC 3339 time; ``None`` for anything else. Without an offset it is UTC."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
