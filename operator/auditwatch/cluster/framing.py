"""Cuts what an API server sends into its parts, also where a part is hostile.

Two traps decide its shape. A watch line may be many megabytes, more than a line reader's buffer. And an object
may be nested deeper (the server allows 10,000 levels) than any recursive parser goes: then the page around it must
still give up its neighbours, so a scanner that only knows strings and brackets takes over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

_ERROR_EVENT = re.compile(rb'\s*\{\s*"type"\s*:\s*"ERROR"')
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\],"]', re.DOTALL)
"""A text, a mark between values, or a quote that opens a text which never ends."""
_OPEN = frozenset(b"{[")
_CLOSE = frozenset(b"}]")


class LineSplitter:
    """Bytes in, whole lines out, without their newline; no line is too long."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The lines that this chunk completes, in order. Empty lines are left out."""
        *complete, rest = chunk.split(b"\n")
        for piece in complete:
            line = b"".join((*self._parts, piece)) if self._parts else piece
            self._parts.clear()
            if line.strip():
                yield line
        if rest:
            self._parts.append(rest)


def is_error_event(line: bytes) -> bool:
    """Whether a watch line reports an error; the server writes ``type`` first."""
    return _ERROR_EVENT.match(line) is not None


class ListMeta(msgspec.Struct, rename="camel"):
    """Metadata of a list, as far as reading on needs it."""

    resource_version: str = ""
    continue_token: str = msgspec.field(default="", name="continue")


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list: the objects as the bytes the server sent, and where to read on."""

    items: list[bytes]
    resource_version: str = ""
    continue_token: str = ""
    salvaged: bool = field(default=False)
    """True where no parser took the page and the scanner cut it."""


class _Page(msgspec.Struct):
    metadata: ListMeta = msgspec.field(default_factory=ListMeta)
    items: list[msgspec.Raw] | None = None


_PAGES = msgspec.json.Decoder(_Page)
_METADATA = msgspec.json.Decoder(ListMeta)


def decode_page(body: bytes) -> Page:
    """One list response cut into its items.

    Raises ``ValueError`` where it is not a JSON object with balanced brackets (a proxy's page, a cut connection).
    """
    try:
        page = _PAGES.decode(body)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return _salvage_page(body)
    items = [bytes(raw) for raw in page.items or ()]
    return Page(items, page.metadata.resource_version, page.metadata.continue_token)


def _salvage_page(body: bytes) -> Page:
    parts = dict(members(body))
    try:
        metadata = _METADATA.decode(parts.get("metadata", b"{}"))
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise ValueError(f"the list's own metadata cannot be read: {error}") from error
    items = elements(parts["items"]) if parts.get("items", b"null") != b"null" else []
    return Page(items, metadata.resource_version, metadata.continue_token, salvaged=True)


def members(document: bytes, *, whole: bool = False) -> list[tuple[str, bytes]]:
    """The members of one JSON object as (key, raw value), without looking into the values.

    Raises ``ValueError`` where the document is no object or its brackets do not balance; with ``whole`` also where
    anything follows the object.
    """
    found: list[tuple[str, bytes]] = []
    for part in _parts(document, b"{", whole=whole):
        key = _TOKEN.match(part)
        if key is None or not part.startswith(b'"'):
            raise ValueError("a member without a key")
        value = part[key.end() :].lstrip().removeprefix(b":").strip()
        found.append((key.group()[1:-1].decode(errors="replace"), value))
    return found


def elements(document: bytes) -> list[bytes]:
    """The elements of one JSON array as raw bytes. Raises ``ValueError`` like :func:`members`."""
    return _parts(document, b"[")


def _parts(document: bytes, opening: bytes, *, whole: bool = False) -> list[bytes]:
    """What stands between the commas of the outermost container."""
    document = document.strip()
    if not document.startswith(opening):
        raise ValueError(f"expected {opening.decode()} first, got {document[:20]!r}")
    depth, start, parts = 0, 1, []
    for token in _TOKEN.finditer(document):
        mark = document[token.start()]
        if mark in _OPEN:
            depth += 1
        elif mark in _CLOSE:
            depth -= 1
        elif token.group() == b'"':
            break
        if (mark == 0x2C and depth == 1) or depth == 0:  # a comma of ours, or our end
            parts.append(document[start : token.start()].strip())
            start = token.end()
        if depth == 0 and whole and token.end() < len(document):
            break
        if depth == 0:
            return [part for part in parts if part]
    raise ValueError("brackets or quotes do not balance, or something follows the object")


def nesting(document: bytes, *, enough: int) -> int:
    """How many levels deep a JSON document is nested; counting stops at ``enough``, which saves most of the work."""
    if document.count(b"{") + document.count(b"[") < enough:
        return 0  # it cannot be that deep, however it is built
    depth = deepest = 0
    for token in _TOKEN.finditer(document):
        mark = document[token.start()]
        depth += (mark in _OPEN) - (mark in _CLOSE)
        deepest = max(deepest, depth)
        if deepest >= enough:
            break
    return deepest
