"""Finds where JSON values begin and end without decoding them, in bytes that no parser takes as a whole.

Aware of strings, so that text inside one can never pose as structure, and free of recursion, so that depth costs
nothing. Linear in the size of the data: 20 MB of escapes are skipped at memory speed, and only brackets and strings
cost a step each.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = re.compile(rb'"[^"]*"?|[{}\[\]]')
_SCALAR: Final = re.compile(rb"[^\s,\]}\x00]*")
_SPACE: Final = re.compile(rb"[\s\x00]*")
_OPENING: Final = b"{["
_QUOTE: Final = b'"'


@dataclass(frozen=True, slots=True)
class Span:
    """A value at ``data[start:end]``; ``is_whole`` is false where the data ends before the value does."""

    start: int
    end: int
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class Member:
    """A field of an object: its name as it is written, between the quotes, and where its value is."""

    name: bytes
    value: Span


def masked(data: bytes) -> bytes:
    r"""``data`` with escaped backslashes and quotes overwritten, position by position: each ``"`` left is a border.

    Pairs of backslashes go first, from the left, so that of ``\\\"`` the pair and then the escaped quote go, and of
    ``\\"`` only the pair.
    """
    if b"\\" not in data:
        return data
    return data.replace(rb"\\", b"__").replace(rb"\"", b"__")


def value_at(mask: bytes, start: int) -> Span:
    """The JSON value that begins at ``start`` of masked data."""
    first = mask[start : start + 1]
    if first == _QUOTE:
        end = mask.find(_QUOTE, start + 1)
        return Span(start, len(mask), is_whole=False) if end < 0 else Span(start, end + 1)
    if first in (b"{", b"["):
        return _container_at(mask, start)
    found = _SCALAR.match(mask, start)
    end = found.end() if found else start
    return Span(start, end, is_whole=end < len(mask))


def members(data: bytes, mask: bytes, start: int) -> Iterator[Member]:
    """The fields of the object that begins at ``start``, up to its end or to where the data stops making sense."""
    position = start + 1
    while mask[(position := skip_space(mask, position)) : position + 1] == _QUOTE:
        closing = mask.find(_QUOTE, position + 1)
        colon = skip_space(mask, closing + 1)
        if closing < 0 or mask[colon : colon + 1] != b":":
            return
        value = value_at(mask, skip_space(mask, colon + 1))
        yield Member(data[position + 1 : closing], value)
        position = skip_space(mask, value.end)
        if not value.is_whole or mask[position : position + 1] != b",":
            return
        position += 1


def elements(mask: bytes, start: int) -> Iterator[Span]:
    """The elements of the array that begins at ``start``; what stands where a value should is skipped over."""
    position = skip_space(mask, start + 1)
    while position < len(mask) and mask[position] != ord("]"):
        value = value_at(mask, position)
        if value.end > value.start:
            yield value
        following = skip_space(mask, max(value.end, position + 1) if value.end == value.start else value.end)
        if not value.is_whole:
            return
        position = skip_space(mask, following + 1) if mask[following : following + 1] == b"," else following


def skip_space(mask: bytes, position: int) -> int:
    """Where white space (and NULs, which a truncated file grows) ends."""
    found = _SPACE.match(mask, position)
    return found.end() if found else position


def _container_at(mask: bytes, start: int) -> Span:
    depth = 0
    for token in _TOKEN.finditer(mask, start):
        character = token[0]
        if character in (b"{", b"["):
            depth += 1
        elif character in (b"}", b"]"):
            depth -= 1
            if depth == 0:
                return Span(start, token.end())
    return Span(start, len(mask), is_whole=False)
