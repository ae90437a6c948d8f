"""Titles and descriptions: text with ``{field}`` in it, filled with values that cannot deceive who reads them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from auditwatch.detection.changes import OVERFLOW, Change
from auditwatch.detection.fields import FieldError, Reader, compile_field
from auditwatch.detection.scope import Scope
from auditwatch.detection.texts import MAX_TITLE, cut, escaped, shown
from auditwatch.detection.values import MISSING, UNKNOWN
from auditwatch.events.activity import Impersonator

Template = Callable[[Scope], str]
"""Renders to at most the length it was compiled for. Total."""

_EVERY: Final = "*"
"""Stands for the name of an object where a request names none and is not known to be about one alone."""

_TAIL: Final = ": "
"""Before a field: what ends a title where there is something to say."""

SHOWN_CHANGES: Final = 3
"""Changes spelled out by ``{changes}``; the rest is counted."""

_PART: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


class TemplateError(ValueError):
    """A template that cannot be rendered; the message says which part and why."""


def compile_template(text: str, length: int = MAX_TITLE) -> Template:
    """``{actor.id}``, ``{changes}``, ``{count}`` (of a story), ``{by}`` filled in; ``{{`` and ``}}`` are braces.

    ``{by}`` is `` by eve`` where it is known who acted, and nothing where it is not. ``{: k10.appName}`` is the field
    after a colon where it has a value, and nothing where it is absent or nobody saw it.

    Raises :class:`TemplateError`. The literal text is trusted (it is the rule's own), values are escaped and cut.
    """
    parts = list(_parts(text))
    return lambda scope: cut("".join([part if isinstance(part, str) else part(scope) for part in parts]), length)


def _parts(text: str) -> Sequence[str | Template]:
    parts: list[str | Template] = []
    position = 0
    for token in _PART.finditer(text):
        parts.append(text[position : token.start()])
        parts.append(_part(token))
        position = token.end()
    return [*parts, text[position:]]


def _part(token: re.Match[str]) -> str | Template:
    if token[0] in {"{{", "}}"}:
        return token[0][0]
    name = token[1]
    if name is None:
        raise TemplateError(f"a lone {token[0]!r}: write a field as {{actor.id}}, a brace as {token[0] * 2}")
    if name in _WORDS:
        return _WORDS[name]
    is_tail = name.startswith(_TAIL)
    try:
        field = compile_field(name.removeprefix(_TAIL))
    except FieldError as error:
        raise TemplateError(str(error)) from None
    return _tail(field.read) if is_tail else _value(field.read)


def _tail(read: Reader) -> Template:
    def rendered(scope: Scope) -> str:
        value = read(scope, MISSING)
        return "" if value is None or value is MISSING or value is UNKNOWN else f"{_TAIL}{shown(value)}"

    return rendered


def _value(read: Reader) -> Template:
    return lambda scope: shown(read(scope, MISSING))


def _by(scope: Scope) -> str:
    actor = scope.activity.actor
    if not actor.id:
        return ""
    impersonator = actor.impersonator if actor.via == "Impersonation" else None
    taken_on = f" (in fact {shown(impersonator.id)})" if isinstance(impersonator, Impersonator) else ""
    return f" by {shown(actor.id)}{taken_on}"


def _name(scope: Scope) -> str:
    """A request for all objects of a kind names none; it may have deleted one alone."""
    target = scope.activity.target
    only = target.names[0] if target.names is not None and len(target.names) == 1 else _EVERY
    return shown(target.name or only)


def _count(scope: Scope) -> str:
    return str(scope.count or 1)


def _changes(scope: Scope) -> str:
    changes = scope.changes
    return summary(changes) if isinstance(changes, tuple) else "unknown changes"


def summary(changes: Sequence[Change]) -> str:
    """``spec.retention.daily: 30 → 0; … (2 more)``, for people."""
    if not changes:
        return "no changes"
    lines = [_line(change) for change in changes[:SHOWN_CHANGES] if change.path != OVERFLOW]
    more = len(changes) - len(lines)
    return "; ".join(lines) + (f"; … ({more} more)" if more else "")


def _line(change: Change) -> str:
    return f"{cut(escaped(change.path), 80)}: {shown(change.old, 40)} → {shown(change.new, 40)}"


_WORDS: Final[Mapping[str, Template]] = {"by": _by, "changes": _changes, "count": _count, "target.name": _name}
"""What is no field, or is shown in another way than its value."""
