"""Values as text: how operators compare them and how people are shown them.

Shown text is hostile until escaped: names, labels and user agents are chosen by whoever acted, and a title ends in
terminals, chat and HTML. What could move a cursor, hide or reorder text is written as its escape.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from typing import Final

from auditwatch.detection.values import MISSING, UNKNOWN

MAX_TITLE: Final = 256
"""Characters of a rendered title (``status.title``)."""

MAX_VALUE: Final = 96
"""Characters of one value inside a title; a longer one is cut so that it cannot push out the rest."""

_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories never shown as they are: controls, formats (bidi, zero width), surrogates, unassigned."""


def plain(value: object) -> str:
    """A scalar as rules write it: ``true``, ``7``, ``text``; containers as compact JSON, absent as empty."""
    if isinstance(value, str):
        return value
    if value is None or value is MISSING:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping | list | tuple):
        return json.dumps(value, separators=(",", ":"), sort_keys=True, default=str, ensure_ascii=False)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def counted(number: int, noun: str) -> str:
    """``1 rule``, ``2,000 rules``: a number and its noun, which makes its plural with an *s*."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def escaped(text: str) -> str:
    r"""``text`` with every character that is not plainly visible written as ``\n``, ``\x1b`` or ``\u202e``."""
    if text.isprintable() and text.isascii():
        return text
    return "".join(_escape(character) if _is_hidden(character) else character for character in text)


def cut(text: str, length: int) -> str:
    """At most ``length`` characters, the last of them ``…`` where something was cut."""
    return text if len(text) <= length else text[: length - 1] + "…"


def shown(value: object, length: int = MAX_VALUE) -> str:
    """A value for people: escaped, cut, ``unknown`` where nobody saw it, ``none`` where it is absent."""
    if isinstance(value, str) and len(value) <= length and value.isascii() and value.isprintable():
        return value  # nearly every value there is
    if value is UNKNOWN:
        return "unknown"
    if value is MISSING or value is None:
        return "none"
    # Cut before escaping as well: a value may be megabytes long.
    return cut(escaped(plain(value)[: length + 1]), length)


def _is_hidden(character: str) -> bool:
    return unicodedata.category(character) in _HIDDEN


def _escape(character: str) -> str:
    named = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(character)
    if named is not None:
        return named
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
