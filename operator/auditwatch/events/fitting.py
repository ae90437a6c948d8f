"""Fits what was read of a value into the typed struct it should have been, field by field.

One wrong type does not cost the fields beside it: what does not fit is left at its default, and that is said.
"""

from __future__ import annotations

from typing import Any, TypeVar, get_args, get_origin

import msgspec

_Struct = TypeVar("_Struct", bound=msgspec.Struct)


def fitted(value: Any, kind: type[_Struct]) -> tuple[_Struct, bool]:
    """An instance of ``kind`` with every field of ``value`` that fits, and whether all did. ``null`` is absent."""
    if not isinstance(value, dict):
        return kind(), value is None
    fields: dict[str, Any] = {}
    all_fit = True
    for field in msgspec.structs.fields(kind):
        if value.get(field.encode_name) is not None:
            fields[field.name], fits = _fit(value[field.encode_name], field.type, field.default)
            all_fit = all_fit and fits
    return kind(**fields), all_fit


def _fit(value: Any, kind: Any, default: Any) -> tuple[Any, bool]:
    try:
        return msgspec.convert(value, kind), True
    except (msgspec.ValidationError, ValueError, OverflowError):
        return _partly(value, kind, default)


def _partly(value: Any, kind: Any, default: Any) -> tuple[Any, bool]:
    """What of a container fits; the default where nothing can."""
    choices = [choice for choice in get_args(kind) or (kind,) if isinstance(choice, type)]
    structs = [choice for choice in choices if issubclass(choice, msgspec.Struct)]
    if structs and isinstance(value, dict):
        return fitted(value, structs[0])[0], False
    if get_origin(kind) is tuple and isinstance(value, list):
        return tuple(element for element in value if isinstance(element, str)), False
    if get_origin(kind) is dict and isinstance(value, dict):
        of = get_args(kind)[1]
        return {name: _fit(entry, of, ())[0] for name, entry in value.items() if _fit(entry, of, None)[1]}, False
    return (None if default is msgspec.NODEFAULT else default), False
