"""Fits what was read of a value into the typed struct it should have been, field by field.

One wrong type does not cost the fields beside it: what does not fit is left at its default, and that is said.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, TypeVar, get_args, get_origin

import msgspec

_Struct = TypeVar("_Struct", bound=msgspec.Struct)
_NOTHING: Final = msgspec.UNSET


def fitted(value: Any, kind: type[_Struct]) -> tuple[_Struct, bool]:
    """An instance of ``kind`` with every field of ``value`` that fits, and whether all did. ``null`` is absent."""
    if not isinstance(value, dict):
        return kind(), value is None
    fields: dict[str, Any] = {}
    all_fit = True
    for field in msgspec.structs.fields(kind):
        if value.get(field.encode_name) is None:
            continue
        kept, fits = _fit(value[field.encode_name], field.type)
        all_fit = all_fit and fits
        if kept is not _NOTHING:
            fields[field.name] = kept
    return kind(**fields), all_fit


def _fit(value: Any, kind: Any) -> tuple[Any, bool]:
    """The value or what of a container fits, and whether all of it did; UNSET where nothing can."""
    try:
        return msgspec.convert(value, kind), True
    except (msgspec.ValidationError, ValueError, OverflowError):
        return _partly(value, kind)


def _partly(value: Any, kind: Any) -> tuple[Any, bool]:
    struct = next((choice for choice in (kind, *get_args(kind)) if _is_struct(choice)), None)
    if struct is not None and isinstance(value, dict):
        return fitted(value, struct)
    if get_origin(kind) is tuple and isinstance(value, list):
        return tuple(element for element in value if isinstance(element, str)), False
    if get_origin(kind) is dict and isinstance(value, dict):
        return dict(_entries(value, get_args(kind)[1])), False
    return _NOTHING, False


def _entries(value: dict[str, Any], kind: Any) -> Iterator[tuple[str, Any]]:
    for name, entry in value.items():
        kept, _ = _fit(entry, kind)
        if kept is not _NOTHING:
            yield name, kept


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)
