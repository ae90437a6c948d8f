"""Reads JSON that strict parsers refuse and the API server stores all the same.

What a client sends in a patch is logged as it came: numbers no type can hold, halves of surrogate pairs, bytes that
are no UTF-8, nesting as deep as the server allows. None of it may hide what stands beside it. So everything is read
as far as it can be: text like the server does, with U+FFFD for what is none; numbers out of range as their text;
containers below :data:`MAX_DEPTH` as :data:`TOO_DEEP`. Nothing here is recursive.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final

from auditwatch.events.scanning import masked, value_at

MAX_DEPTH: Final = 100
"""Levels that are kept; no field a rule may name lies deeper."""
TOO_DEEP: Final = "(nested too deeply to be read)"
"""Stands where a container below :data:`MAX_DEPTH` stood."""
MAX_NUMBER: Final = 64
"""Characters that are kept of a number no type can hold."""

_TOKEN: Final = re.compile(rb'[\s\x00]*("[^"]*"|[{}\[\],:]|[^\s,:{}\[\]"\x00]+)')
_NUMBER: Final = re.compile(rb"-?\d+(\.\d+)?([eE][+-]?\d+)?")
_CONSTANTS: Final[dict[bytes, bool | None]] = {b"true": True, b"false": False, b"null": None}


class UnreadableError(ValueError):
    """The bytes are no JSON value, however leniently they are read; the message says where reading ended."""


def read(data: bytes) -> Any:
    """The JSON value that ``data`` is; of equal names the last wins. Raises :class:`UnreadableError`."""
    mask = masked(data)
    builder = _Builder()
    position = 0
    while not builder.is_done:
        found = _TOKEN.match(mask, position)
        if found is None:
            raise UnreadableError(f"no JSON from byte {position} of {len(data)}")
        start, position = found.span(1)
        if found[1] in (b"{", b"[") and builder.depth >= MAX_DEPTH:
            position = _end(mask, start)
            builder.put(TOO_DEEP)
        else:
            builder.take(found[1], data[start:position])
    if mask[position:].strip(b"\x00 \t\r\n"):
        raise UnreadableError(f"more than one JSON value, the second from byte {position}")
    return builder.value


class _Builder:
    """Builds a value from its tokens."""

    def __init__(self) -> None:
        self.value: Any = None
        self.is_done = False
        self._open: list[dict[str, Any] | list[Any]] = []
        self._names: list[str | None] = []
        """The name read last in each open container; ``None`` where the next text is a name."""

    @property
    def depth(self) -> int:
        return len(self._open)

    def take(self, token: bytes, written: bytes) -> None:
        """One token; ``written`` is the same with its escapes."""
        if token in (b"{", b"["):
            self._begin({} if token == b"{" else [])
        elif token in (b"}", b"]"):
            self._end()
        elif token.startswith(b'"'):
            self._text(text_of(written[1:-1]))
        elif token not in (b",", b":"):
            self.put(scalar_of(written))

    def put(self, value: Any) -> None:
        """One whole value."""
        if not self._open:
            self.value, self.is_done = value, True
            return
        container = self._open[-1]
        if isinstance(container, list):
            container.append(value)
            return
        name = self._names[-1]
        if name is None:
            raise UnreadableError("a field without a name")
        container[name] = value
        self._names[-1] = None

    def _begin(self, container: dict[str, Any] | list[Any]) -> None:
        self._open.append(container)
        self._names.append(None)

    def _end(self) -> None:
        if not self._open:
            raise UnreadableError("an end without a beginning")
        container = self._open.pop()
        self._names.pop()
        self.put(container)

    def _text(self, text: str) -> None:
        if self._open and isinstance(self._open[-1], dict) and self._names[-1] is None:
            self._names[-1] = text
        else:
            self.put(text)


def text_of(written: bytes) -> str:
    """The text of a JSON string (between its quotes), with U+FFFD for whatever is no character."""
    text = written.decode(errors="replace")
    if "\\" not in text:
        return text
    try:
        read_text: str = json.loads(f'"{text}"', strict=False)
    except ValueError:
        return text  # an escape that is none stays as it is written
    return read_text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def scalar_of(written: bytes) -> bool | float | str | None:
    """A constant, a number, or the text of a number that no type can hold."""
    if written in _CONSTANTS:
        return _CONSTANTS[written]
    found = _NUMBER.fullmatch(written)
    if found is None:
        raise UnreadableError(f"no JSON value: {written[:MAX_NUMBER]!r}")
    is_whole = found[1] is None and found[2] is None
    if is_whole and len(written) <= MAX_NUMBER:
        return int(written)
    number = float(written)
    return number if not is_whole and math.isfinite(number) else written[:MAX_NUMBER].decode()


def _end(mask: bytes, start: int) -> int:
    span = value_at(mask, start)
    if not span.is_whole:
        raise UnreadableError(f"cut off inside the value from byte {start}")
    return span.end
