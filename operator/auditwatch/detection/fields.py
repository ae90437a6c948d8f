"""The fields of the rule language, compiled to functions over a scope.

A misspelt field would make a rule silent for ever, so names are a closed set checked when the rule is read; only
below ``object``, ``oldObject``, ``event`` and ``request.query`` do they go on freely.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from auditwatch.detection import patched, paths
from auditwatch.detection.activity_fields import READERS
from auditwatch.detection.changes import OVERFLOW, Change
from auditwatch.detection.scope import K10_FACTS, Scope
from auditwatch.detection.values import MISSING, UNKNOWN

Reader = Callable[[Scope, object], object]
"""(scope, element of the surrounding ``forAny`` or MISSING) → the field's value, MISSING or UNKNOWN. Total."""
PairReader = Callable[[Scope, object], Change]
"""The same field before and after, as a change."""

Element = Literal["", "Change", "JSON"]
"""What ``$`` stands for: nothing outside of a ``forAny``, a change, or an element of a list of the object."""

_ELEMENT_FIELDS: Final = ("$", "$.path", "$.old", "$.new")
_BARE: Final = ("object", "oldObject", "changes")
_QUERY: Final = "request.query."
_OF_TARGET: Final = frozenset(
    {"k10.policyName", "k10.policyNamespace", "k10.policies", "k10.profileName", "k10.actionName"}
)
"""Facts that a target's own name may tell."""
_BODIES: Final = frozenset({"requestObject", "responseObject"})


class FieldError(ValueError):
    """The rule language has no such field here; the message says which is meant, if one is close."""


@dataclass(frozen=True, slots=True)
class Field:
    """One compiled field. ``pair`` is ``None`` where a field has no before and after."""

    name: str
    read: Reader
    pair: PairReader | None = None

    @property
    def root(self) -> str:
        """First segment: what a source must provide for the field to be known (``actor``, ``object`` …)."""
        return self.name.partition(".")[0].partition("[")[0]

    @property
    def is_of_body(self) -> bool:
        """Whether only a body tells it: the object itself, or its labels."""
        return self.root in _BARE or (self.root == "k10" and self.name not in _OF_TARGET)


def compile_field(name: str, *, element: Element = "") -> Field:
    """The field called ``name``; raises :class:`FieldError` with the nearest name, or the grammar's complaint."""
    if name.startswith("$"):
        return _element_field(name, element)
    if name in READERS:
        reader = READERS[name]
        return Field(name, lambda scope, _element: reader(scope))
    head, _, rest = name.partition(".")
    if head == "k10" and rest in K10_FACTS:
        return Field(name, lambda scope, _element: scope.fact(rest))
    if head == "changes" and not rest:
        return Field(name, lambda scope, _element: scope.changes)
    if head in {"object", "oldObject"} or name.startswith(("event.", _QUERY)):
        return _open_field(name, head)
    raise FieldError(_unknown(name))


def known_fields() -> tuple[str, ...]:
    """Every closed field name, for suggestions and documentation."""
    return (*sorted(READERS), *(f"k10.{fact}" for fact in K10_FACTS), *_BARE)


def _unknown(name: str) -> str:
    close = difflib.get_close_matches(name, known_fields(), n=1, cutoff=0.6)
    if close:
        return f"unknown field {name!r}: did you mean {close[0]!r}?"
    return f"unknown field {name!r}: fields start with actor, client, target, object, oldObject, changes, request, …"


def _open_field(name: str, head: str) -> Field:
    steps = _steps(name)[1:]
    if head == "object":
        return Field(name, _new_reader(steps), _pair_reader(name, steps))
    if head == "oldObject":
        return Field(name, _old_reader(steps))
    if head == "event":
        return Field(name, _event_reader(name, steps))
    return Field(name, _query_reader(name.removeprefix(_QUERY)))


def _event_reader(name: str, steps: paths.Steps) -> Reader:
    if steps[0].name in _BODIES:
        raise FieldError(f"{name!r}: bodies are read as object, oldObject and changes")

    def read(scope: Scope, _element: object) -> object:
        event = scope.activity.event
        return UNKNOWN if isinstance(event, msgspec.UnsetType) else paths.read(event, steps, scope.list_keys)

    return read


def _query_reader(parameter: str) -> Reader:
    """One parameter of the URL: its value, or a list where it was given several times."""

    def read(scope: Scope, _element: object) -> object:
        request = scope.activity.request
        if isinstance(request, msgspec.UnsetType):
            return UNKNOWN
        values = request.query.get(parameter, ())
        return (values[0] if len(values) == 1 else list(values)) if values else MISSING

    return read


def _steps(name: str) -> paths.Steps:
    try:
        return paths.parse(name)
    except paths.PathError as error:
        raise FieldError(str(error)) from None


def _new_reader(steps: paths.Steps) -> Reader:
    def read(scope: Scope, _element: object) -> object:
        if scope.new_object is not UNKNOWN or scope.patch is None or not steps:
            return _below(scope.new_object, steps, scope)
        return patched.look(scope.patch, steps, scope.list_keys).value

    return read


def _old_reader(steps: paths.Steps) -> Reader:
    return lambda scope, _element: _below(scope.old_object, steps, scope)


def _below(body: object, steps: paths.Steps, scope: Scope) -> object:
    return paths.read(body, steps, scope.list_keys) if steps else body


def _pair_reader(name: str, steps: paths.Steps) -> PairReader:
    path = name.partition(".")[2]

    def read(scope: Scope, _element: object) -> Change:
        old, new = _below(scope.old_object, steps, scope), _below(scope.new_object, steps, scope)
        if old is not UNKNOWN or scope.patch is None or not steps:
            return Change(path, old, new)
        return _patched_pair(path, patched.look(scope.patch, steps, scope.list_keys), new)

    return read


def _patched_pair(path: str, look: patched.Look, new: object) -> Change:
    """Both sides of a field of which only the new object and a patch were seen."""
    if look.touch == "Untouched":
        same = MISSING if new is UNKNOWN else new
        return Change(path, same, same)
    is_named = look.touch == "Named"
    return Change(path, UNKNOWN, look.value if is_named and new is UNKNOWN else new, is_named=is_named)


def _element_field(name: str, element: Element) -> Field:
    if not element:
        raise FieldError(f"{name!r} stands for an element and has a meaning inside forAny only")
    if element == "Change":
        return _change_field(name)
    if name == "$":
        return Field(name, lambda _scope, item: item)
    if not name.startswith(("$.", "$[")):
        raise FieldError(f"{name!r} is no field of an element: write '$' or '$.name'")
    steps = _steps(name)[1:]
    return Field(name, lambda scope, item: paths.read(item, steps, scope.list_keys))


def _change_field(name: str) -> Field:
    if name not in _ELEMENT_FIELDS:
        raise FieldError(f"{name!r} is no field of a change: it has {', '.join(_ELEMENT_FIELDS)}")
    if name == "$.path":
        return Field(name, _change_path)
    if name == "$.old":
        return Field(name, lambda _scope, item: item.old if isinstance(item, Change) else UNKNOWN)
    if name == "$.new":
        return Field(name, lambda _scope, item: item.new if isinstance(item, Change) else UNKNOWN)
    return Field(name, lambda _scope, _item: UNKNOWN, _change_itself)


def _change_path(_scope: Scope, item: object) -> object:
    """The path; of the change that stands for all those beyond the limit, nobody knows it."""
    return item.path if isinstance(item, Change) and item.path != OVERFLOW else UNKNOWN


def _change_itself(_scope: Scope, item: object) -> Change:
    return item if isinstance(item, Change) else Change(OVERFLOW, UNKNOWN, UNKNOWN)
