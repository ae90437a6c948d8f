"""What a patch tells of an object nobody saw: which places it names, what it puts there, what it left alone.

A patch that names a path is enough to say what a field became. What it was before, only the old object tells.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from auditwatch.detection import paths
from auditwatch.detection.changes import LIMIT, OVERFLOW, Change, ListKeys, Place, spread
from auditwatch.detection.kleene import Truth
from auditwatch.detection.values import MISSING, UNKNOWN
from auditwatch.events.activity import Patch, PatchedField

Touch = Literal["Named", "Untouched", "Open"]


@dataclass(frozen=True, slots=True)
class Look:
    """What a patch says of one place. Named: it puts ``value`` there; Untouched: it left it; Open: nobody can tell."""

    touch: Touch
    value: object = UNKNOWN


OPEN: Final = Look("Open")
UNTOUCHED: Final = Look("Untouched")


def look(patch: Patch, steps: paths.Steps, list_keys: ListKeys) -> Look:
    """What the patch says of the place at ``steps``; its last word on it counts."""
    for field in reversed(patch.fields):
        named = _steps(field)
        meets = _meets(named, steps)
        if meets is False:
            continue
        if meets is None or len(named) > len(steps):
            return OPEN
        return Look("Named", _below(field, named, steps[len(named) :], list_keys))
    return UNTOUCHED if patch.is_complete else OPEN


def changes(patch: Patch, list_keys: ListKeys) -> tuple[Change, ...]:
    """Every leaf the patch names, the old side UNKNOWN; a last one for those it does not name, if there may be any."""
    found: dict[str, Change] = {}
    for field in patch.fields:
        place = _place(_steps(field))
        for change in spread(place, _value(field), list_keys=list_keys):
            found[change.path] = change
    is_more = patch.hides or not patch.is_complete or len(found) > LIMIT or OVERFLOW in found
    found.pop(OVERFLOW, None)
    kept = tuple(found[path] for path in sorted(found)[:LIMIT])
    return (*kept, Change(OVERFLOW, UNKNOWN, UNKNOWN)) if is_more else kept


def _steps(field: PatchedField) -> paths.Steps:
    return tuple(paths.Step(step[1:], element=step[0] == "[") for step in field.steps)


def _value(field: PatchedField) -> object:
    if isinstance(field.value, msgspec.UnsetType):
        return UNKNOWN
    return MISSING if field.value is None else field.value


def _below(field: PatchedField, named: paths.Steps, rest: paths.Steps, list_keys: ListKeys) -> object:
    value = _value(field)
    return paths.read(value, rest, list_keys, _place(named).shape) if rest else value


def _meets(named: paths.Steps, asked: paths.Steps) -> Truth:
    """Whether one of two places contains the other; unknown where an element stands by index in one only."""
    result: Truth = True
    for one, other in zip(named, asked, strict=False):
        if one.name == other.name:
            continue
        if not other.every and not ((one.element and _is_index(one.name)) or (other.element and _is_index(other.name))):
            return False
        result = None
    return result


def _is_index(name: str) -> bool:
    return name == "-" or name.isdigit()


def _place(steps: paths.Steps) -> Place:
    place = Place()
    for step in steps:
        place = place.element(step.name) if step.element else place.field(step.name)
    return place
