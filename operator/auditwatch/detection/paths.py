"""The grammar of field paths: rules, changes and templates must mean the same place by the same words.

``spec.retention.daily`` walks maps, ``metadata.annotations["k10.kasten.io/x"]`` quotes a key that holds dots or
slashes, ``spec.actions[export]`` names a list element by its key, else by its index, and ``*`` (as a segment or as
``[*]``) stands for every value of a map or element of a list.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from auditwatch.detection.changes import ListKeys
from auditwatch.detection.values import MISSING, UNKNOWN

MAX_SEGMENTS: Final = 32
"""Segments of one path; deeper than any field of the API server's own kinds."""

_TOKEN: Final = re.compile(
    r'(?P<quoted>\["(?:[^"\\]|\\(?s:.))*"\])|\[(?P<element>[^\[\]"]+)\]|(?P<dot>\.)?(?P<name>[^.\[\]"]+)'
)


@dataclass(frozen=True, slots=True)
class Step:
    """One segment. ``element``: written in brackets, so it names a list element; ``every``: written as ``*``."""

    name: str
    element: bool = False
    every: bool = False


Steps = tuple[Step, ...]


class PathError(ValueError):
    """The text is no path; the message says where it stops making sense."""


def parse(text: str) -> Steps:
    """The segments of ``text``; raises :class:`PathError` for an empty, unbalanced or too deep path."""
    steps: list[Step] = []
    position = 0
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None or (token["name"] is not None and (token["dot"] is None) != (position == 0)):
            raise PathError(f"{text!r} is no field path: cannot read {text[position:]!r}")
        steps.append(_step(token))
        position = token.end()
    if not 0 < len(steps) <= MAX_SEGMENTS:
        raise PathError(f"{text!r} is no field path: it must have 1 to {MAX_SEGMENTS} segments")
    return tuple(steps)


def _step(token: re.Match[str]) -> Step:
    if token["quoted"] is not None:
        return Step(_unquoted(token["quoted"][1:-1]))
    if token["element"] is not None:
        return Step(token["element"], element=True, every=token["element"] == "*")
    return Step(token["name"], every=token["name"] == "*")


def _unquoted(text: str) -> str:
    """What :mod:`changes` quoted: a backslash stands before a quote or a backslash."""
    return re.sub(r"(?s)\\(.)", r"\1", text[1:-1])


def is_wildcard(steps: Steps) -> bool:
    """Whether the path may name several places."""
    return any(step.every for step in steps)


def read(root: object, steps: Steps, list_keys: ListKeys, shape: str = "") -> object:
    """The value at ``steps`` below ``root``; a list of all values where the path has a wildcard.

    ``shape``: where ``root`` itself stands in its object, with the keys of list elements as ``*``.

    :data:`UNKNOWN` where ``root`` is, :data:`MISSING` where the container was seen and nothing is there. JSON's
    ``null`` is absent, as it is to an API server. Total: no JSON value makes it raise.
    """
    if root is UNKNOWN:
        return UNKNOWN
    found = [value for value in _walk(root, steps, list_keys, shape) if value is not None and value is not MISSING]
    if not is_wildcard(steps):
        return found[0] if found else MISSING
    return found or MISSING


def _walk(value: object, steps: Steps, list_keys: ListKeys, shape: str) -> Iterator[object]:
    if not steps:
        yield value
        return
    step, rest = steps[0], steps[1:]
    if isinstance(value, Mapping):
        below = f"{shape}.{step.name}" if shape else step.name
        children = value.values() if step.every else [value.get(step.name)]
    elif isinstance(value, list):
        below = f"{shape}[*]"
        children = value if step.every else _elements(value, step.name, list_keys, shape)
    else:
        return
    for child in children:
        yield from _walk(child, rest, list_keys, below)


def _elements(elements: list[object], name: str, list_keys: ListKeys, shape: str) -> list[object]:
    """The element called ``name``: by the declared key, else by position."""
    for element in elements:
        if isinstance(element, Mapping) and list_keys.key(shape, element) == name:
            return [element]
    position = int(name) if name.isascii() and name.isdigit() and len(name) < 10 else len(elements)
    return elements[position : position + 1]
