"""Reads a field selector as the API server (apimachinery's ``fields.ParseSelector``) does."""

from __future__ import annotations

import re
from typing import Final

_TERM: Final = re.compile(r"(?:[^\\,]|\\.?)+", re.DOTALL)
_PARTS: Final = re.compile(r"(.*?)(!=|==|=)(.*)", re.DOTALL)
_ESCAPED: Final = re.compile(r"\\([\\,=])")
_STRAY: Final = re.compile(r"[\\=]")


def required(selector: str, field: str) -> str | None:
    """The one value that an object's ``field`` must have to be selected; ``None`` where it may have others.

    Of several values that exclude each other it is the first: nothing is selected then.
    """
    for term in _TERM.findall(selector):
        found = _PARTS.fullmatch(term)
        if found is not None and found[1] == field and found[2] != "!=" and found[3]:
            return _unescaped(found[3])
    return None


def _unescaped(value: str) -> str | None:
    """A comma, an equals sign and a backslash are escaped; anything else is refused by the server."""
    return None if _STRAY.search(_ESCAPED.sub("", value)) else _ESCAPED.sub(r"\1", value)
