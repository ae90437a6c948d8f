"""Redacts JSON patches (RFC 6902): what a value is, is said by the path it goes to."""

from __future__ import annotations

import re
from typing import Any, Final

from auditwatch.events.redaction import Redactor

_ENVIRONMENT_VALUE: Final = re.compile(r"/env/[^/]+/value")
_MAX_SEGMENTS: Final = 100
"""Of a path; what goes deeper is hidden."""


def redacted_patch(redactor: Redactor, group: str, resource: str, patch: list[Any]) -> list[Any]:
    """A redacted copy of a JSON patch of an object of this kind; elements that are no operations are redacted too."""
    return [_operation(redactor, group, resource, operation) for operation in patch]


def _operation(redactor: Redactor, group: str, resource: str, operation: Any) -> Any:
    if not isinstance(operation, dict) or "value" not in operation or not isinstance(operation.get("path"), str):
        return redactor.redact(group, resource, {"": operation})[""]
    rest = {name: value for name, value in operation.items() if name != "value"}
    kept = redactor.redact(group, resource, rest)
    value = operation["value"]
    if _is_of_unknown_name(operation["path"], value):
        kept["value"] = redactor.redact("", "", {"secret": value})["secret"]
    else:
        kept |= _value(redactor, group, resource, segments_of(operation["path"]), value)
    return kept


def _is_of_unknown_name(path: str, value: Any) -> bool:
    """Whether only the object could tell if this is a secret: an environment variable without its name."""
    is_variable = _ENVIRONMENT_VALUE.search(path) is not None and isinstance(value, str)
    return is_variable or path.count("/") > _MAX_SEGMENTS


def _value(redactor: Redactor, group: str, resource: str, segments: list[str], value: Any) -> dict[str, Any]:
    """``{"value": …}`` redacted at its place in an object; empty where nothing of that place is kept."""
    obj: Any = value
    for segment in reversed(segments):
        obj = {segment: obj}
    if not isinstance(obj, dict):
        return {"value": redactor.redact(group, resource, {"": obj})[""]}
    found: Any = redactor.redact(group, resource, obj)
    for segment in segments:
        if segment not in found:
            return {}
        found = found[segment]
    return {"value": found}


def segments_of(path: str) -> list[str]:
    """The names in a JSON pointer (RFC 6901), unescaped."""
    return [segment.replace("~1", "/").replace("~0", "~") for segment in path.split("/")[1:]]
