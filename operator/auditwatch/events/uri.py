"""Reads the URI of a request as the API server (Go's ``net/url``) does, so that both see the same parameters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote, unquote_plus

_BAD_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")


def path_of(uri: str) -> str:
    """The path, decoded."""
    return unquote(uri.partition("?")[0])


def parameters(uri: str) -> Iterator[tuple[str, str]]:
    """The query's names and values, decoded, in order. Go drops a part with a semicolon or a broken escape."""
    for part in parts(uri):
        if part and ";" not in part and _BAD_ESCAPE.search(part) is None:
            name, _, value = part.partition("=")
            yield _decoded(name), _decoded(value)


def _decoded(text: str) -> str:
    return unquote_plus(text) if "%" in text or "+" in text else text


def parts(uri: str) -> list[str]:
    """The parts of the query as they are written."""
    return uri.partition("?")[2].split("&")
