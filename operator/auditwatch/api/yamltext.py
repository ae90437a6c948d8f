"""YAML as people write it, and JSON with it: the one place where a text becomes data.

A key that is there twice is refused. PyYAML takes the last one without a word, so that of two conditions of a rule, or
of two lists of an audit policy's rules, the first would be gone and nobody would know.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import yaml

_DEEP: Final = 100
"""Lists in lists: nobody's document goes so far. The fast loader would end the process at tens of thousands."""
_MERGE: Final = "<<"


class _Strict:
    """What both loaders of PyYAML's get: mixed in before either."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)  # type: ignore[call-arg]  # the loader beside it
        self._merged: dict[int, Any] = {}
        """Mappings that hold by now what they take over from others: seldom any, and kept so that no id comes again."""

    def flatten_mapping(self, node: Any) -> None:
        """Called of every mapping before it is built; of one that others take over more than once."""
        if id(node) not in self._merged:
            keys = {key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)}
            if len(keys) < len(node.value):
                _refuse_twins(node)
            if _MERGE in keys:
                self._merged[id(node)] = node
        super().flatten_mapping(node)  # type: ignore[misc]  # likewise


class _Exact(_Strict, yaml.SafeLoader):
    """Knows best where a text breaks."""


class _Fast(_Strict, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # one of two known classes
    """Six times as fast where PyYAML has it; a start-up reads thousands of lines."""


def load(text: str, *, is_ours: bool = False) -> object:
    """The one document of a text. Raises :class:`yaml.YAMLError`; ValueError and RecursionError of strange values.

    ``is_ours``: it ships with the program, and is as deep as we wrote it.
    """
    return _read(text, lambda loader: yaml.load(text, Loader=loader), is_ours=is_ours)  # noqa: S506 - both are safe


def load_all(text: str) -> list[object]:
    """Every document of a text. Raises as :func:`load` does."""
    found: list[object] = _read(text, lambda loader: list(yaml.load_all(text, Loader=loader)))
    return found


def nodes_of(text: str) -> list[Any]:
    """The same documents as nodes, which know their lines. Raises as :func:`load` does."""
    found: list[Any] = _read(text, lambda loader: list(yaml.compose_all(text, Loader=loader)))
    return found


def line_of(error: yaml.YAMLError) -> int | None:
    """The line on which the YAML breaks, from 1, where that is known."""
    mark = getattr(error, "problem_mark", None)
    return None if mark is None else int(mark.line) + 1


def said_of(error: yaml.YAMLError) -> str:
    """What is wrong there, in one line without its place."""
    return str(getattr(error, "problem", None) or getattr(error, "reason", None) or "is no YAML")


class TwiceError(yaml.constructor.ConstructorError):
    """A key that is there twice."""


def _read(text: str, read: Callable[[Any], Any], *, is_ours: bool = False) -> Any:
    """What the fast loader reads, or the error as the slower one tells it."""
    try:
        if is_ours or not _is_deep(text):
            return read(_Fast)
    except yaml.YAMLError:
        pass
    return read(_Exact)


def _is_deep(text: str) -> bool:
    depth = 0
    for event in yaml.parse(text, Loader=_Fast):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEP:
            return True
    return False


def _refuse_twins(node: Any) -> None:
    seen = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            continue  # a list or mapping: no key that anybody here knows, and refused where it is built
        if key.value in seen:
            raise TwiceError(None, None, f'"{key.value}" is there twice: remove one', key.start_mark)
        seen.add(key.value)
