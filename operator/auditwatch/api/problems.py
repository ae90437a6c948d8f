"""Everything that is wrong with a document, each with its path and its fix.

pydantic finds the errors; here they become what a person reads in a condition or on a terminal: paths as Kubernetes
writes them, and a sentence that says what to do.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from auditwatch.api.model import CHECK, KEBAB
from auditwatch.api.structure import fields_at

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Problem:
    """One flaw of a document."""

    path: str
    """As Kubernetes writes it: ``spec.rules[2].match.verbs[0]``; empty for the document itself."""
    message: str
    rule: str = ""
    """Name of the rule it is in, where there is one."""
    fatal: bool = True
    """False for warnings: the thing is used all the same."""

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


def validate(model: type[M], raw: object, path: str = "", *, rule: str = "") -> tuple[M | None, list[Problem]]:
    """Parse ``raw``; either the model, or every problem in it with paths below ``path``."""
    try:
        return model.model_validate(raw, by_alias=True, by_name=False), []
    except ValidationError as error:
        errors = [item for item in error.errors(include_url=False) if not _is_echo(item)]
        return None, list(dict.fromkeys(_problem(model, item, path, rule) for item in errors))


def join(path: str, location: Iterable[str | int]) -> str:
    """``join("spec", ("rules", 2, "name"))`` is ``spec.rules[2].name``."""
    for step in location:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else str(step)
    return path


def nearest(word: str, known: Iterable[str]) -> str:
    """``; did you mean x?`` for a likely typo, else nothing."""
    by_lower = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return f"; did you mean {by_lower[close[0]]}?" if close else ""


def _is_echo(error: Mapping[str, Any]) -> bool:
    """A list whose items are all wrong is also called too short, because pydantic counts what is left."""
    return bool(error["type"] == "too_short" and len(error["input"]) >= error["ctx"]["min_length"])


def _problem(model: type[BaseModel], error: Mapping[str, Any], path: str, rule: str) -> Problem:
    return Problem(join(path, error["loc"]), _message(model, error), rule)


def _message(model: type[BaseModel], error: Mapping[str, Any]) -> str:
    kind, context, value = error["type"], error.get("ctx", {}), error["input"]
    if kind == CHECK:
        return str(error["msg"])
    if kind == "extra_forbidden":
        return _unknown_field(model, error["loc"])
    if kind == "literal_error":
        return _unsupported(value, str(context["expected"]))
    if kind == "value_error":
        return str(context["error"])
    template = _NO_NAME if context.get("pattern") == KEBAB else _MESSAGES.get(kind)
    return template.format(value=_shown(value), **context) if template else str(error["msg"])


def _unknown_field(model: type[BaseModel], location: tuple[str | int, ...]) -> str:
    known = sorted(fields_at(model, location[:-1]))
    fallback = f"; known are {', '.join(known)}" if known else ""
    return f"unknown field{nearest(str(location[-1]), known) or fallback}"


def _unsupported(value: object, expected: str) -> str:
    words = expected.replace(" or ", ", ").replace("'", "").split(", ")
    return f"unsupported value {_shown(value)}{nearest(str(value), words)}; supported are {', '.join(words)}"


def _shown(value: object) -> str:
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= 64 else f"{text[:63]}…"


_NO_NAME = "{value} is no name: use lower-case letters, digits and hyphens"
_MESSAGES = {
    "missing": "required: add it",
    "string_type": "must be a string: write it in quotes, not {value}",
    "int_type": "must be a whole number, not {value}",
    "int_parsing": "must be a whole number, not {value}",
    "int_from_float": "must be a whole number, not {value}",
    "bool_type": "must be true or false, not {value}",
    "bool_parsing": "must be true or false, not {value}",
    "path_type": 'must be the path of a file, like "/var/lib/auditwatch/journal.db", not {value}',
    "invalid_key": "must be a word: write the name of a field",
    "tuple_type": "must be a list, not {value}",
    "list_type": "must be a list, not {value}",
    "dict_type": "must be an object with fields, not {value}",
    "model_type": "must be an object with fields, not {value}",
    "model_attributes_type": "must be an object with fields, not {value}",
    "string_too_long": "must be at most {max_length} characters long: shorten it",
    "string_too_short": "must not be empty",
    "too_long": "must have at most {max_length} items, not {actual_length}",
    "too_short": "must have at least {min_length} items, not {actual_length}",
    "greater_than_equal": "must be at least {ge}, not {value}",
    "less_than_equal": "must be at most {le}, not {value}",
    "string_pattern_mismatch": "{value} does not match {pattern}",
}
